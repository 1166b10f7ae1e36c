// The scenario of scripts/sdk with the Java client of openapi-generator.
package scenario;

import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.ApiKeysApi;
import org.openapitools.client.api.OperationsApi;
import org.openapitools.client.api.RuntimeApi;
import org.openapitools.client.api.ServicesApi;
import org.openapitools.client.api.TemplatesApi;
import org.openapitools.client.model.ApiKeyCreate;
import org.openapitools.client.model.ApiKeyWithSecret;
import org.openapitools.client.model.ErrorBody;
import org.openapitools.client.model.ErrorResponse;
import org.openapitools.client.model.RoleName;
import org.openapitools.client.model.Service;
import org.openapitools.client.model.ServiceList;
import org.openapitools.client.model.ServiceSummary;
import org.openapitools.client.model.TemplateDeployment;

public final class Main {
    private static final String SDK = "sdk-java";
    private static final String PRINTED = "hello listens on port 8080";

    /** A call that must fail. */
    private interface Call {
        void run() throws ApiException;
    }

    /** Runs the scenario. Unexpected results end it with an exception. */
    public static void main(String[] arguments) throws Exception {
        ApiKeyCreate admin = new ApiKeyCreate().name(SDK).role(RoleName.ADMIN);
        ApiKeyWithSecret key = new ApiKeysApi(connect(System.getenv("PANEL_API_KEY"))).createApiKey(admin, null);
        printStep("created the key " + key.getPrefix());
        ApiClient client = connect(key.getKey());
        deployAndDeleteServices(client);
        checkErrors(client);
        ApiKeysApi keys = new ApiKeysApi(client);
        keys.revokeApiKey(key.getId(), null);
        printStep("revoked the key: 401 " + expectError(401, () -> keys.getApiKey(key.getId(), null)).getCode());
    }

    /** Returns a client for PANEL_URL that sends the key. */
    private static ApiClient connect(String key) {
        ApiClient client = new ApiClient().setBasePath(System.getenv("PANEL_URL") + "/api").setReadTimeout(90_000);
        client.setBearerToken(key);
        return client;
    }

    /** Deploys three services, reads their logs, lists them page by page, and deletes them. */
    private static void deployAndDeleteServices(ApiClient client) throws Exception {
        ServicesApi services = new ServicesApi(client);
        List<String> names = IntStream.rangeClosed(1, 3).mapToObj(number -> SDK + "-" + number).toList();
        for (String name : names) {
            Service deployed = deploy(client, name);
            List<String> lines = new RuntimeApi(client)
                .getServiceLogs(deployed.getId(), 10, null, null, null, null, null, null)
                .getData().stream().map(line -> line.getText()).toList();
            expect(lines.equals(List.of(PRINTED)), PRINTED, lines);
            printStep("deployed " + name + " at " + deployed.getUrl() + "; its output is '" + PRINTED + "'");
        }

        List<List<ServiceSummary>> pages = listPages(services, 2);
        List<ServiceSummary> listed = pages.stream().flatMap(List::stream).toList();
        List<String> listedNames = listed.stream().map(ServiceSummary::getName).toList();
        expect(listedNames.equals(names) && pages.size() == 2, names + " on two pages", listedNames);
        printStep("listed " + listed.size() + " services on " + pages.size() + " pages");

        for (ServiceSummary service : listed) {
            List<String> etags = services.getServiceWithHttpInfo(service.getId(), null).getHeaders().get("etag");
            services.deleteService(service.getId(), etags.get(0), null, null);
        }
        long remaining = services.listServices(null, null, null, SDK, null, null, null, null, null).getTotal();
        expect(remaining == 0, "no service remaining", remaining);
        printStep("deleted the services, each with its ETag");
    }

    /** Creates a service from the template hello, waits for its deployment, and returns the service. */
    private static Service deploy(ApiClient client, String name) throws Exception {
        TemplatesApi templates = new TemplatesApi(client);
        TemplateDeployment deployment = new TemplateDeployment().name(name);
        Service planned = templates.deployTemplate("hello", deployment, true, null);
        expect(planned.getDryRun() != null && planned.getOperationId() == null, "a dry run", planned);
        Service created = templates.deployTemplate("hello", deployment, null, null);
        expect(created.getDryRun() == null, "no dry run", created);
        String status = new OperationsApi(client).getOperation(created.getOperationId(), 60, null).getStatus();
        expect("succeeded".equals(status), "a succeeded deployment", status);
        return new ServicesApi(client).getService(created.getId(), null);
    }

    /** Returns the pages of this scenario's services, sorted by name, until has_more is false. */
    private static List<List<ServiceSummary>> listPages(ServicesApi services, int size) throws Exception {
        List<List<ServiceSummary>> pages = new ArrayList<>();
        boolean hasMore = true;
        while (hasMore) {
            ServiceList page = services.listServices(pages.size() + 1, size, "asc", SDK, null, "name", null, null, null);
            pages.add(page.getData());
            hasMore = page.getHasMore();
        }
        return pages;
    }

    /** Requests a missing service and creates an invalid key. */
    private static void checkErrors(ApiClient client) throws Exception {
        ErrorBody missing = expectError(404, () -> new ServicesApi(client).getService("svc_nobody", null));
        expect("not_found".equals(missing.getCode()), "not_found", missing);
        printStep("received 404 " + missing.getCode() + ": " + missing.getDetails());

        ApiKeyCreate invalid = new ApiKeyCreate().name(SDK).role(RoleName.VIEWER).allowedIps(Set.of("nowhere"))
            .expiresAt(OffsetDateTime.parse("2000-01-01T00:00:00Z"));
        ErrorBody rejected = expectError(422, () -> new ApiKeysApi(client).createApiKey(invalid, null));
        expect(rejected.getFields().keySet().equals(Set.of("allowedIps.0", "expiresAt")), "both fields", rejected);
        printStep("received 422 " + rejected.getCode() + ": " + rejected.getFields());
    }

    /** Returns the error of a call that must return this status. */
    private static ErrorBody expectError(int status, Call call) throws Exception {
        try {
            call.run();
        } catch (ApiException exception) {
            expect(exception.getCode() == status, String.valueOf(status), exception);
            return ErrorResponse.fromJson(exception.getResponseBody()).getError();
        }
        throw new IllegalStateException("expected " + status);
    }

    /** Ends the scenario if the condition is false. */
    private static void expect(boolean condition, String expected, Object actual) {
        if (!condition) {
            throw new IllegalStateException("expected " + expected + ", got " + actual);
        }
    }

    /** Prints a step of the scenario. */
    private static void printStep(String line) {
        System.out.println("  " + line);
    }
}
