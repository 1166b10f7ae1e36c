// The scenario of scripts/sdk with the Go client of oapi-codegen.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"sdk/panel"
)

const sdk = "sdk-go"

// response is implemented by the result of every operation.
type response interface {
	StatusCode() int
	GetBody() []byte
}

func main() {
	ctx := context.Background()
	admin := panel.ApiKeyCreate{Name: sdk, Role: panel.RoleNameAdmin}
	created := noError(connect(os.Getenv("PANEL_API_KEY")).CreateApiKeyWithResponse(ctx, nil, admin))
	key := expectBody(created, created.JSON201)
	printStep("created the key %s", key.Prefix)
	client := connect(key.Key)
	deployAndDeleteServices(ctx, client)
	checkErrors(ctx, client)
	revoked := noError(client.RevokeApiKeyWithResponse(ctx, key.Id, nil))
	expect(revoked.StatusCode() == http.StatusNoContent, "204", string(revoked.Body))
	read := noError(client.GetApiKeyWithResponse(ctx, key.Id, nil))
	printStep("revoked the key: 401 %s", expectBody(read, read.JSON401).Error.Code)
}

// connect returns a client for PANEL_URL that sends the key.
func connect(key string) *panel.ClientWithResponses {
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+key)
		return nil
	}
	server := os.Getenv("PANEL_URL") + "/api"
	return noError(panel.NewClientWithResponses(server, panel.WithRequestEditorFn(authorize)))
}

// deployAndDeleteServices deploys three services, reads their logs, lists them page by page, and deletes them.
func deployAndDeleteServices(ctx context.Context, client *panel.ClientWithResponses) {
	names := serviceNames(sdk)
	for _, name := range names {
		deployed := deploy(ctx, client, name)
		read := noError(client.GetServiceLogsWithResponse(ctx, deployed.Id, &panel.GetServiceLogsParams{Tail: new(10)}))
		lines := expectBody(read, read.JSON200).Data
		expect(len(lines) == 1 && lines[0].Text == printed, printed, lines)
		printStep("deployed %s at %s; its output is '%s'", name, *deployed.Url, printed)
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
			read := noError(client.GetServiceWithResponse(ctx, service.Id, nil))
			etag := expectBody(read, read.Headers200).ETag
			deleted := noError(client.DeleteServiceWithResponse(ctx, service.Id, &panel.DeleteServiceParams{IfMatch: &etag}))
			expect(deleted.StatusCode() == http.StatusNoContent, "204", string(deleted.Body))
		}
	}
	remaining := noError(client.ListServicesWithResponse(ctx, &panel.ListServicesParams{Search: new(sdk)}))
	expect(expectBody(remaining, remaining.JSON200).Total == 0, "no service remaining", string(remaining.Body))
	printStep("deleted the services, each with its ETag")
}

// deploy creates a service from the template hello, waits for its deployment, and returns the service.
func deploy(ctx context.Context, client *panel.ClientWithResponses, name string) *panel.Service {
	body := panel.TemplateDeployment{Name: name}
	tried := noError(client.DeployTemplateWithResponse(ctx, "hello", &panel.DeployTemplateParams{DryRun: new(true)}, body))
	planned := expectBody(tried, tried.JSON201)
	expect(planned.DryRun != nil && planned.OperationId == nil, "a dry run", planned)
	created := noError(client.DeployTemplateWithResponse(ctx, "hello", nil, body))
	service := expectBody(created, created.JSON201)
	waited := noError(client.GetOperationWithResponse(ctx, *service.OperationId, &panel.GetOperationParams{Wait: new(60)}))
	operation := expectBody(waited, waited.JSON200)
	expect(operation.Status == "succeeded", "a succeeded deployment", operation.Status)
	read := noError(client.GetServiceWithResponse(ctx, service.Id, nil))
	return expectBody(read, read.JSON200)
}

// listPages returns the pages of this scenario's services, sorted by name, until there are no more.
func listPages(ctx context.Context, client *panel.ClientWithResponses, size int) [][]panel.ServiceSummary {
	var pages [][]panel.ServiceSummary
	for hasMore := true; hasMore; {
		answer := noError(client.ListServicesWithResponse(ctx, &panel.ListServicesParams{
			Search: new(sdk), Sort: new(panel.ListServicesParamsSortByName), Order: new(panel.ListServicesParamsOrderAsc),
			Page: new(len(pages) + 1), PerPage: &size,
		}))
		page := expectBody(answer, answer.JSON200)
		pages = append(pages, page.Data)
		hasMore = page.HasMore
	}
	return pages
}

// checkErrors requests a missing service and creates an invalid key.
func checkErrors(ctx context.Context, client *panel.ClientWithResponses) {
	read := noError(client.GetServiceWithResponse(ctx, "svc_nobody", nil))
	missing := expectBody(read, read.JSON404).Error
	expect(missing.Code == "not_found", "not_found", missing.Code)
	printStep("received 404 %s: %s", missing.Code, *missing.Details)

	past := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	nowhere := panel.AllowedIps{"nowhere"}
	invalid := panel.ApiKeyCreate{Name: sdk, Role: panel.RoleNameViewer, AllowedIps: &nowhere, ExpiresAt: &past}
	created := noError(client.CreateApiKeyWithResponse(ctx, nil, invalid))
	rejected := expectBody(created, created.JSON422).Error
	fields := *rejected.Fields
	expect(len(fields) == 2 && fields["allowedIps.0"] != "" && fields["expiresAt"] != "", "both fields", fields)
	printStep("received 422 %s: %v", rejected.Code, fields)
}

// expectBody returns the body of the expected status. It is nil if the response has another status.
func expectBody[T any](result response, part *T) *T {
	expect(part != nil, fmt.Sprintf("%T", part), fmt.Sprint(result.StatusCode(), " ", string(result.GetBody())))
	return part
}

// noError returns the value, or ends the scenario if there is an error.
func noError[T any](actual T, err error) T {
	expect(err == nil, "no error", err)
	return actual
}
