// The scenario of scripts/sdk with openapi-fetch and the types of openapi-typescript.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./panel.d.ts";
import { expect, printStep, PRINTED, requiredVariable } from "./scenario.ts";

type Panel = Client<paths>;
type Schemas = components["schemas"];
type ApiKeyCreate = Schemas["ApiKeyCreate"];
type Service = Schemas["Service"];
type ServiceSummary = Schemas["ServiceSummary"];
/** A result of openapi-fetch: data or an error, with the types of the document. */
type Result<T> = { data?: T; error?: Schemas["ErrorResponse"]; response: Response };

const SDK = "sdk-typescript";

/** Run the scenario. Unexpected results end it with an exception. */
async function main(): Promise<void> {
  const first = connect(requiredVariable("PANEL_API_KEY"));
  const key = expectData(await first.POST("/v1/api-keys", { body: { name: SDK, role: "admin" } }));
  printStep(`created the key ${key.prefix}`);
  const client = connect(key.key);
  await deployAndDeleteServices(client);
  await checkErrors(client);
  const path = { api_key_id: key.id };
  const revoked = await client.DELETE("/v1/api-keys/{api_key_id}", { params: { path } });
  expect(revoked.response.status === 204, "204", revoked.error);
  const error = expectError(401, await client.GET("/v1/api-keys/{api_key_id}", { params: { path } }));
  printStep(`revoked the key: 401 ${error.code}`);
}

/** Return a client for PANEL_URL that sends the key. */
function connect(key: string): Panel {
  return createClient<paths>({ baseUrl: `${requiredVariable("PANEL_URL")}/api`, headers: { Authorization: `Bearer ${key}` } });
}

/** Deploy three services, read their logs, list them page by page, and delete them. */
async function deployAndDeleteServices(client: Panel): Promise<void> {
  const names = [1, 2, 3].map((number) => `${SDK}-${number}`);
  for (const name of names) {
    const deployed = await deploy(client, name);
    const params = { path: { service_id: deployed.id }, query: { tail: 10 } };
    const log = expectData(await client.GET("/services/{service_id}/logs", { params }));
    if (typeof log === "string") throw new Error("expected lines, got a stream");
    expect(log.data.map(({ text }) => text).join() === PRINTED, PRINTED, log.data);
    printStep(`deployed ${name} at ${deployed.url}; its output is '${PRINTED}'`);
  }

  const pages = await listPages(client, 2);
  const listed = pages.flat();
  expect(listed.map(({ name }) => name).join() === names.join() && pages.length === 2, `${names} on two pages`, listed);
  printStep(`listed ${listed.length} services on ${pages.length} pages`);

  for (const { id } of listed) {
    const path = { service_id: id };
    const etag = (await client.GET("/services/{service_id}", { params: { path } })).response.headers.get("ETag");
    const header = { "If-Match": etag ?? "" };
    const deleted = await client.DELETE("/services/{service_id}", { params: { path, header } });
    expect(deleted.response.status === 204, "204", deleted.error);
  }
  const remaining = expectData(await client.GET("/services", { params: { query: { search: SDK } } })).total;
  expect(remaining === 0, "no service remaining", remaining);
  printStep("deleted the services, each with its ETag");
}

/** Create a service from the template `hello`, wait for its deployment, and return the service. */
async function deploy(client: Panel, name: string): Promise<Service> {
  const params = { path: { template_id: "hello" } };
  const trial = { ...params, query: { dry_run: true } };
  const planned = expectData(await client.POST("/templates/{template_id}/deploy", { params: trial, body: { name } }));
  expect(planned.dry_run !== undefined && planned.operation_id === null, "a dry run", planned);
  const created = expectData(await client.POST("/templates/{template_id}/deploy", { params, body: { name } }));
  expect(created.dry_run === undefined, "no dry run", created);
  const waiting = { path: { operation_id: created.operation_id ?? "" }, query: { wait: 60 } };
  const operation = expectData(await client.GET("/operations/{operation_id}", { params: waiting }));
  expect(operation.status === "succeeded", "a succeeded deployment", operation);
  return expectData(await client.GET("/services/{service_id}", { params: { path: { service_id: created.id } } }));
}

/** Return the pages of this scenario's services, sorted by name, until `has_more` is false. */
async function listPages(client: Panel, size: number): Promise<ServiceSummary[][]> {
  const pages: ServiceSummary[][] = [];
  let hasMore = true;
  while (hasMore) {
    const query = { search: SDK, sort: "name", order: "asc", page: pages.length + 1, per_page: size } as const;
    const page = expectData(await client.GET("/services", { params: { query } }));
    pages.push(page.data);
    hasMore = page.has_more;
  }
  return pages;
}

/** Request a missing service and create an invalid key. */
async function checkErrors(client: Panel): Promise<void> {
  const path = { service_id: "svc_nobody" };
  const missing = expectError(404, await client.GET("/services/{service_id}", { params: { path } }));
  expect(missing.code === "not_found", "not_found", missing);
  printStep(`received 404 ${missing.code}: ${missing.details}`);

  const body: ApiKeyCreate = { name: SDK, role: "viewer", allowedIps: ["nowhere"], expiresAt: "2000-01-01T00:00:00Z" };
  const invalid = expectError(422, await client.POST("/v1/api-keys", { body }));
  expect(Object.keys(invalid.fields ?? {}).sort().join() === "allowedIps.0,expiresAt", "both fields", invalid);
  printStep(`received 422 ${invalid.code}: ${JSON.stringify(invalid.fields)}`);
}

/** Return the data of a result that must not be an error. */
function expectData<T>({ data, error, response }: Result<T>): T {
  if (data === undefined) throw new Error(`expected data, got ${response.status}: ${JSON.stringify(error)}`);
  return data;
}

/** Return the error body of a result that must have this status. */
function expectError(status: number, { error, response }: Result<unknown>): Schemas["ErrorResponse"]["error"] {
  if (error === undefined || response.status !== status) throw new Error(`expected ${status}, got ${response.status}`);
  return error.error;
}

await main();
