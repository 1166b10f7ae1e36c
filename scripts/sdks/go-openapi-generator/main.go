// The scenario of scripts/sdk with the Go client of openapi-generator.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	panel "github.com/GIT_USER_ID/GIT_REPO_ID"
)

const sdk = "sdk-go-openapi-generator"

func main() {
	first, admin := connect(os.Getenv("PANEL_API_KEY"))
	body := panel.NewApiKeyCreate(sdk, panel.ADMIN)
	key := noError(first.ApiKeysAPI.CreateApiKey(admin).ApiKeyCreate(*body).Execute())
	printStep("created the key %s", key.Prefix)
	client, ctx := connect(key.Key)
	deployAndDeleteServices(ctx, client)
	checkErrors(ctx, client)
	_, err := client.ApiKeysAPI.RevokeApiKey(ctx, key.Id).Execute()
	expect(err == nil, "204", err)
	revoked := expectError(http.StatusUnauthorized)(client.ApiKeysAPI.GetApiKey(ctx, key.Id).Execute())
	printStep("revoked the key: 401 %s", revoked.Code)
}

// connect returns a client for PANEL_URL and a context with the key.
func connect(key string) (*panel.APIClient, context.Context) {
	configuration := panel.NewConfiguration()
	configuration.Servers = panel.ServerConfigurations{{URL: os.Getenv("PANEL_URL") + "/api"}}
	return panel.NewAPIClient(configuration), context.WithValue(context.Background(), panel.ContextAccessToken, key)
}

// deployAndDeleteServices deploys three services, reads their logs, lists them page by page, and deletes them.
func deployAndDeleteServices(ctx context.Context, client *panel.APIClient) {
	names := serviceNames(sdk)
	for _, name := range names {
		deployed := deploy(ctx, client, name)
		log := noError(client.RuntimeAPI.GetServiceLogs(ctx, deployed.Id).Tail(10).Execute())
		expect(len(log.Data) == 1 && log.Data[0].Text == printed, printed, log.Data)
		printStep("deployed %s at %s; its output is '%s'", name, *deployed.Url.Get(), printed)
	}

	pages := listPages(ctx, client, 2)
	var listed []string
	for _, page := range pages {
		for _, service := range page {
			listed = append(listed, service.Name)
		}
	}
	expect(strings.Join(listed, " ") == strings.Join(names, " ") && len(pages) == 2, "three services on two pages", listed)
	printStep("listed %d services on %d pages", len(listed), len(pages))

	for _, page := range pages {
		for _, service := range page {
			_, read, err := client.ServicesAPI.GetService(ctx, service.Id).Execute()
			expect(err == nil, "a service", err)
			_, _, err = client.ServicesAPI.DeleteService(ctx, service.Id).IfMatch(read.Header.Get("ETag")).Execute()
			expect(err == nil, "204", err)
		}
	}
	remaining := noError(client.ServicesAPI.ListServices(ctx).Search(sdk).Execute())
	expect(remaining.Total == 0, "no service remaining", remaining.Total)
	printStep("deleted the services, each with its ETag")
}

// deploy creates a service from the template hello, waits for its deployment, and returns the service.
func deploy(ctx context.Context, client *panel.APIClient, name string) *panel.Service {
	request := client.TemplatesAPI.DeployTemplate(ctx, "hello").TemplateDeployment(*panel.NewTemplateDeployment(name))
	planned := noError(request.DryRun(true).Execute())
	expect(planned.DryRun != nil && planned.OperationId.Get() == nil, "a dry run", planned)
	created := noError(request.Execute())
	expect(created.DryRun == nil, "no dry run", created)
	operation := noError(client.OperationsAPI.GetOperation(ctx, *created.OperationId.Get()).Wait(60).Execute())
	expect(operation.Status == "succeeded", "a succeeded deployment", operation.Status)
	return noError(client.ServicesAPI.GetService(ctx, created.Id).Execute())
}

// listPages returns the pages of this scenario's services, sorted by name, until there are no more.
func listPages(ctx context.Context, client *panel.APIClient, size int32) [][]panel.ServiceSummary {
	var pages [][]panel.ServiceSummary
	for hasMore := true; hasMore; {
		request := client.ServicesAPI.ListServices(ctx).Search(sdk).Sort("name").Order("asc")
		page := noError(request.Page(int32(len(pages) + 1)).PerPage(size).Execute())
		pages = append(pages, page.Data)
		hasMore = page.HasMore
	}
	return pages
}

// checkErrors requests a missing service and creates an invalid key.
func checkErrors(ctx context.Context, client *panel.APIClient) {
	missing := expectError(http.StatusNotFound)(client.ServicesAPI.GetService(ctx, "svc_nobody").Execute())
	expect(missing.Code == "not_found", "not_found", missing.Code)
	printStep("received 404 %s: %s", missing.Code, missing.GetDetails())

	invalid := panel.NewApiKeyCreate(sdk, panel.VIEWER)
	invalid.AllowedIps = []string{"nowhere"}
	invalid.SetExpiresAt(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC))
	rejected := expectError(422)(client.ApiKeysAPI.CreateApiKey(ctx).ApiKeyCreate(*invalid).Execute())
	fields := rejected.Fields
	expect(len(fields) == 2 && fields["allowedIps.0"] != "" && fields["expiresAt"] != "", "both fields", fields)
	printStep("received 422 %s: %v", rejected.Code, fields)
}

// noError returns the value, or ends the scenario if there is an error.
func noError[T any](value T, _ *http.Response, err error) T {
	expect(err == nil, "no error", err)
	return value
}

// expectError returns a function that returns the error body of a result with this status.
func expectError(status int) func(any, *http.Response, error) panel.ErrorBody {
	return func(value any, response *http.Response, err error) panel.ErrorBody {
		var failure *panel.GenericOpenAPIError
		expect(errors.As(err, &failure) && response.StatusCode == status, fmt.Sprint(status), value)
		body, typed := failure.Model().(panel.ErrorResponse)
		expect(typed, "a typed error", string(failure.Body()))
		return body.Error
	}
}
