// The scenario of scripts/sdk with the TypeScript client of hey-api.
import { createClient, type Client } from "./panel/client";
import * as panel from "./panel";
import { expect, printStep, PRINTED, requiredVariable } from "./scenario";

/** A result of an operation: data or an error, with the types of the document. */
type Result<T, E> = { data?: T; error?: E; response?: Response };

const SDK = "sdk-hey-api";

/** Run the scenario. Unexpected results end it with an exception. */
async function main(): Promise<void> {
  const first = connect(requiredVariable("PANEL_API_KEY"));
  const key = expectData(await panel.createApiKey({ client: first, body: { name: SDK, role: "admin" } }));
  printStep(`created the key ${key.prefix}`);
  const client = connect(key.key);
  await deployAndDeleteServices(client);
  await checkErrors(client);
  const path = { api_key_id: key.id };
  const revoked = await panel.revokeApiKey({ client, path });
  expect(revoked.response?.status === 204, "204", revoked.error);
  const { error } = expectError(401, await panel.getApiKey({ client, path }));
  printStep(`revoked the key: 401 ${error.code}`);
}

/** Return a client for PANEL_URL that sends the key. */
function connect(key: string): Client {
  return createClient({ baseUrl: `${requiredVariable("PANEL_URL")}/api`, auth: ({ scheme }) => (scheme === "bearer" ? key : undefined) });
}

/** Deploy three services, read their logs, list them page by page, and delete them. */
async function deployAndDeleteServices(client: Client): Promise<void> {
  const names = [1, 2, 3].map((number) => `${SDK}-${number}`);
  for (const name of names) {
    const deployed = await deploy(client, name);
    const log = expectData(await panel.getServiceLogs({ client, path: { service_id: deployed.id }, query: { tail: 10 } }));
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
    const { response } = await panel.getService({ client, path });
    const headers = { "If-Match": response?.headers.get("ETag") ?? "" };
    const deleted = await panel.deleteService({ client, path, headers });
    expect(deleted.response?.status === 204, "204", deleted.error);
  }
  const remaining = expectData(await panel.listServices({ client, query: { search: SDK } })).total;
  expect(remaining === 0, "no service remaining", remaining);
  printStep("deleted the services, each with its ETag");
}

/** Create a service from the template `hello`, wait for its deployment, and return the service. */
async function deploy(client: Client, name: string): Promise<panel.Service> {
  const request = { client, path: { template_id: "hello" }, body: { name } };
  const planned = expectData(await panel.deployTemplate({ ...request, query: { dry_run: true } }));
  expect(planned.dry_run !== undefined && planned.operation_id === null, "a dry run", planned);
  const created = expectData(await panel.deployTemplate(request));
  expect(created.dry_run === undefined, "no dry run", created);
  const path = { operation_id: created.operation_id ?? "" };
  const operation = expectData(await panel.getOperation({ client, path, query: { wait: 60 } }));
  expect(operation.status === "succeeded", "a succeeded deployment", operation);
  return expectData(await panel.getService({ client, path: { service_id: created.id } }));
}

/** Return the pages of this scenario's services, sorted by name, until `has_more` is false. */
async function listPages(client: Client, size: number): Promise<panel.ServiceSummary[][]> {
  const pages: panel.ServiceSummary[][] = [];
  let hasMore = true;
  while (hasMore) {
    const query = { search: SDK, sort: "name", order: "asc", page: pages.length + 1, per_page: size } as const;
    const page = expectData(await panel.listServices({ client, query }));
    pages.push(page.data);
    hasMore = page.has_more;
  }
  return pages;
}

/** Request a missing service and create an invalid key. */
async function checkErrors(client: Client): Promise<void> {
  const missing = expectError(404, await panel.getService({ client, path: { service_id: "svc_nobody" } })).error;
  expect(missing.code === "not_found", "not_found", missing);
  printStep(`received 404 ${missing.code}: ${missing.details}`);

  const body: panel.ApiKeyCreate = { name: SDK, role: "viewer", allowedIps: ["nowhere"], expiresAt: "2000-01-01T00:00:00Z" };
  const invalid = expectError(422, await panel.createApiKey({ client, body })).error;
  expect(Object.keys(invalid.fields ?? {}).sort().join() === "allowedIps.0,expiresAt", "both fields", invalid);
  printStep(`received 422 ${invalid.code}: ${JSON.stringify(invalid.fields)}`);
}

/** Return the data of a result that must not be an error. */
function expectData<T>({ data, error, response }: Result<T, panel.ErrorResponse>): T {
  if (data === undefined) throw new Error(`expected data, got ${response?.status}: ${JSON.stringify(error)}`);
  return data;
}

/** Return the error body of a result that must have this status. */
function expectError<E>(status: number, { error, response }: Result<unknown, E>): E {
  if (error === undefined || response?.status !== status) throw new Error(`expected ${status}, got ${response?.status}`);
  return error;
}

await main();
