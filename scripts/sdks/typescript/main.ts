// The story of scripts/sdk, told with openapi-fetch and the types that openapi-typescript makes.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./panel.d.ts";

type Panel = Client<paths>;
type Schemas = components["schemas"];
type NewApiKey = Schemas["NewApiKey"];
type Service = Schemas["Service"];
type ServiceSummary = Schemas["ServiceSummary"];
/** What openapi-fetch answers: data or an error, each of the type that the document gives it. */
type Answer<T> = { data?: T; error?: Schemas["Error"]; response: Response };

const SDK = "sdk-typescript";
const PRINTED = "hello listens on port 8080";

/** Tells the story; whatever goes another way ends it with an exception. */
async function main(): Promise<void> {
  const first = connect(setting("PANEL_API_KEY"));
  const key = given(await first.POST("/v1/api-keys", { body: { name: SDK, role: "admin" } }));
  say(`made the key ${key.prefix}, and uses it from now on`);
  const client = connect(key.key);
  await liveAndDieOfServices(client);
  await meetErrors(client);
  const path = { api_key_id: key.id };
  const revoked = await client.DELETE("/v1/api-keys/{api_key_id}", { params: { path } });
  expect(revoked.response.status === 204, "204", revoked.error);
  const error = refused(401, await client.GET("/v1/api-keys/{api_key_id}", { params: { path } }));
  say(`deleted the key; it opens nothing any more: 401 ${error.code}`);
}

/** A client that calls with this key; its server is the panel of the environment. */
function connect(key: string): Panel {
  return createClient<paths>({ baseUrl: `${setting("PANEL_URL")}/api`, headers: { Authorization: `Bearer ${key}` } });
}

/** Deploys three services, reads their logs, finds them page by page, and deletes them. */
async function liveAndDieOfServices(client: Panel): Promise<void> {
  const names = [1, 2, 3].map((number) => `${SDK}-${number}`);
  for (const name of names) {
    const deployed = await deploy(client, name);
    const params = { path: { service_id: deployed.id }, query: { tail: 10 } };
    const log = given(await client.GET("/services/{service_id}/logs", { params }));
    if (typeof log === "string") throw new Error("lines were expected, and a stream came");
    expect(log.data.map(({ text }) => text).join() === PRINTED, PRINTED, log.data);
    say(`deployed ${name}, which answers at ${deployed.url} and prints '${PRINTED}'`);
  }

  const pages = await listPages(client, 2);
  const found = pages.flat();
  expect(found.map(({ name }) => name).join() === names.join() && pages.length === 2, `${names} on two pages`, found);
  say(`found ${found.length} services on ${pages.length} pages`);

  for (const { id } of found) {
    const path = { service_id: id };
    const etag = (await client.GET("/services/{service_id}", { params: { path } })).response.headers.get("ETag");
    const header = { "If-Match": etag ?? "" };
    const deleted = await client.DELETE("/services/{service_id}", { params: { path, header } });
    expect(deleted.response.status === 204, "204", deleted.error);
  }
  const left = given(await client.GET("/services", { params: { query: { search: SDK } } })).total;
  expect(left === 0, "no service left", left);
  say("deleted the services, each by its ETag");
}

/** A service made from the template `hello`, as it is when its deployment has succeeded. */
async function deploy(client: Panel, name: string): Promise<Service> {
  const params = { path: { template_id: "hello" } };
  const made = given(await client.POST("/templates/{template_id}/deploy", { params, body: { name } }));
  if (!("id" in made)) throw new Error("a service was expected, and a dry run came");
  const waiting = { path: { operation_id: made.operation_id ?? "" }, query: { wait: 60 } };
  const operation = given(await client.GET("/operations/{operation_id}", { params: waiting }));
  expect(operation.status === "succeeded", "a deployment that succeeds", operation);
  return given(await client.GET("/services/{service_id}", { params: { path: { service_id: made.id } } }));
}

/** The services of this story by name, page by page, as far as `total` says that there are any. */
async function listPages(client: Panel, size: number): Promise<ServiceSummary[][]> {
  const pages: ServiceSummary[][] = [];
  let total = 1;
  while (pages.flat().length < total) {
    const query = { search: SDK, sort: "name", order: "asc", page: pages.length + 1, per_page: size } as const;
    const page = given(await client.GET("/services", { params: { query } }));
    pages.push(page.data);
    total = page.total;
  }
  return pages;
}

/** Asks for what is not there and for what breaks rules. */
async function meetErrors(client: Panel): Promise<void> {
  const path = { service_id: "svc_nobody" };
  const missing = refused(404, await client.GET("/services/{service_id}", { params: { path } }));
  expect(missing.code === "not_found", "not_found", missing);
  say(`met 404 ${missing.code}: ${missing.details}`);

  const body: NewApiKey = { name: SDK, role: "viewer", allowedIps: ["nowhere"], expiresAt: "2000-01-01T00:00:00Z" };
  const wrong = refused(422, await client.POST("/v1/api-keys", { body }));
  expect(Object.keys(wrong.fields ?? {}).sort().join() === "allowedIps.0,expiresAt", "both fields", wrong);
  say(`met 422 ${wrong.code}: ${JSON.stringify(wrong.fields)}`);
}

/** The data of an answer that is no error. */
function given<T>({ data, error, response }: Answer<T>): T {
  if (data === undefined) throw new Error(`${response.status} came where data was expected: ${JSON.stringify(error)}`);
  return data;
}

/** The error, as the document has it, of an answer of this status. */
function refused(status: number, { error, response }: Answer<unknown>): Schemas["Error"]["error"] {
  if (error === undefined || response.status !== status) throw new Error(`${response.status} came, and not ${status}`);
  return error.error;
}

/** Ends the story where something else comes than was expected. */
function expect(truth: boolean, what: string, came: unknown): void {
  if (!truth) throw new Error(`${what} was expected, and this came: ${JSON.stringify(came)}`);
}

/** What the environment says under this name. */
function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** One line a step. */
function say(line: string): void {
  console.log(`  ${line}`);
}

await main();
