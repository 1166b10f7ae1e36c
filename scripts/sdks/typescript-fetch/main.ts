// The scenario of scripts/sdk with the TypeScript client (fetch) of openapi-generator.
import * as panel from "./panel";
import { expect, printStep, PRINTED, requiredVariable } from "./scenario";

const SDK = "sdk-typescript-fetch";

/** Run the scenario. Unexpected results end it with an exception. */
async function main(): Promise<void> {
  const first = new panel.ApiKeysApi(connect(requiredVariable("PANEL_API_KEY")));
  const key = await first.createApiKey({ apiKeyCreate: { name: SDK, role: panel.RoleName.Admin } });
  printStep(`created the key ${key.prefix}`);
  const client = connect(key.key);
  await deployAndDeleteServices(client);
  await checkErrors(client);
  const keys = new panel.ApiKeysApi(client);
  await keys.revokeApiKey({ apiKeyId: key.id });
  const { code } = await expectError(401, keys.getApiKey({ apiKeyId: key.id }));
  printStep(`revoked the key: 401 ${code}`);
}

/** Return a configuration for PANEL_URL that sends the key. */
function connect(key: string): panel.Configuration {
  return new panel.Configuration({ basePath: `${requiredVariable("PANEL_URL")}/api`, accessToken: key });
}

/** Deploy three services, read their logs, list them page by page, and delete them. */
async function deployAndDeleteServices(client: panel.Configuration): Promise<void> {
  const services = new panel.ServicesApi(client);
  const names = [1, 2, 3].map((number) => `${SDK}-${number}`);
  for (const name of names) {
    const deployed = await deploy(client, name);
    const log = await new panel.RuntimeApi(client).getServiceLogs({ serviceId: deployed.id, tail: 10 });
    expect(log.data.map(({ text }) => text).join() === PRINTED, PRINTED, log.data);
    printStep(`deployed ${name} at ${deployed.url}; its output is '${PRINTED}'`);
  }

  const pages = await listPages(services, 2);
  const listed = pages.flat();
  expect(listed.map(({ name }) => name).join() === names.join() && pages.length === 2, `${names} on two pages`, listed);
  printStep(`listed ${listed.length} services on ${pages.length} pages`);

  for (const { id } of listed) {
    const { raw } = await services.getServiceRaw({ serviceId: id });
    const deleted = await services.deleteServiceRaw({ serviceId: id, ifMatch: raw.headers.get("ETag") ?? "" });
    expect(deleted.raw.status === 204, "204", deleted.raw.status);
  }
  const { total } = await services.listServices({ search: SDK });
  expect(total === 0, "no service remaining", total);
  printStep("deleted the services, each with its ETag");
}

/** Create a service from the template `hello`, wait for its deployment, and return the service. */
async function deploy(client: panel.Configuration, name: string): Promise<panel.Service> {
  const templates = new panel.TemplatesApi(client);
  const request = { templateId: "hello", templateDeployment: { name } };
  const planned = await templates.deployTemplate({ ...request, dryRun: true });
  expect(planned.dryRun !== undefined && planned.operationId === null, "a dry run", planned);
  const created = await templates.deployTemplate(request);
  expect(created.dryRun === undefined, "no dry run", created);
  const waiting = { operationId: created.operationId ?? "", wait: 60 };
  const operation = await new panel.OperationsApi(client).getOperation(waiting);
  expect(operation.status === "succeeded", "a succeeded deployment", operation);
  return new panel.ServicesApi(client).getService({ serviceId: created.id });
}

/** Return the pages of this scenario's services, sorted by name, until `has_more` is false. */
async function listPages(services: panel.ServicesApi, size: number): Promise<panel.ServiceSummary[][]> {
  const pages: panel.ServiceSummary[][] = [];
  let hasMore = true;
  while (hasMore) {
    const query = { search: SDK, sort: "name", order: "asc", page: pages.length + 1, perPage: size } as const;
    const page = await services.listServices(query);
    pages.push(page.data);
    hasMore = page.hasMore;
  }
  return pages;
}

/** Request a missing service and create an invalid key. */
async function checkErrors(client: panel.Configuration): Promise<void> {
  const missing = await expectError(404, new panel.ServicesApi(client).getService({ serviceId: "svc_nobody" }));
  expect(missing.code === "not_found", "not_found", missing);
  printStep(`received 404 ${missing.code}: ${missing.details}`);

  const expiresAt = new Date("2000-01-01T00:00:00Z");
  const apiKeyCreate = { name: SDK, role: panel.RoleName.Viewer, allowedIps: new Set(["nowhere"]), expiresAt };
  const invalid = await expectError(422, new panel.ApiKeysApi(client).createApiKey({ apiKeyCreate }));
  expect(Object.keys(invalid.fields ?? {}).sort().join() === "allowedIps.0,expiresAt", "both fields", invalid);
  printStep(`received 422 ${invalid.code}: ${JSON.stringify(invalid.fields)}`);
}

/** Return the error body of a call that must fail with this status. */
async function expectError(status: number, call: Promise<unknown>): Promise<panel.ErrorBody> {
  const failure: unknown = await call.then(() => undefined, (error: unknown) => error);
  if (!(failure instanceof panel.ResponseError) || failure.response.status !== status)
    throw new Error(`expected ${status}, got ${String(failure)}`);
  return panel.ErrorResponseFromJSON(await failure.response.json()).error;
}

await main();
