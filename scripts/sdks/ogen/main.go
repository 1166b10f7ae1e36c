// The scenario of scripts/sdk with the Go client of ogen.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ogen-go/ogen/ogenerrors"
	"sdk/panel"
)

const sdk = "sdk-ogen"

// credentials sends an API key. The other schemes of the document are for browsers and WebSockets.
type credentials struct{ key string }

func (c credentials) BearerAuth(context.Context, panel.OperationName) (panel.BearerAuth, error) {
	return panel.BearerAuth{Token: c.key}, nil
}

func (credentials) CookieAuth(context.Context, panel.OperationName) (panel.CookieAuth, error) {
	return panel.CookieAuth{}, ogenerrors.ErrSkipClientSecurity
}

func (credentials) QueryKeyAuth(context.Context, panel.OperationName) (panel.QueryKeyAuth, error) {
	return panel.QueryKeyAuth{}, ogenerrors.ErrSkipClientSecurity
}

func (credentials) TicketAuth(context.Context, panel.OperationName) (panel.TicketAuth, error) {
	return panel.TicketAuth{}, ogenerrors.ErrSkipClientSecurity
}

func main() {
	ctx := context.Background()
	body := &panel.ApiKeyCreate{Name: sdk, Role: panel.RoleNameAdmin}
	created := noError(connect(os.Getenv("PANEL_API_KEY")).CreateAPIKey(ctx, body, panel.CreateAPIKeyParams{}))
	key := expectType[*panel.ApiKeyWithSecretHeaders](created).Response
	printStep("created the key %s", key.Prefix)
	client := connect(key.Key)
	deployAndDeleteServices(ctx, client)
	checkErrors(ctx, client)
	revoked := noError(client.RevokeAPIKey(ctx, panel.RevokeAPIKeyParams{APIKeyID: key.ID}))
	expectType[*panel.RevokeAPIKeyNoContent](revoked)
	read := noError(client.GetAPIKey(ctx, panel.GetAPIKeyParams{APIKeyID: key.ID}))
	printStep("revoked the key: 401 %s", expectType[*panel.UnauthenticatedHeaders](read).Response.Error.Code)
}

// connect returns a client for PANEL_URL that sends the key.
func connect(key string) *panel.Client {
	return noError(panel.NewClient(os.Getenv("PANEL_URL")+"/api", credentials{key}))
}

// deployAndDeleteServices deploys three services, reads their logs, lists them page by page, and deletes them.
func deployAndDeleteServices(ctx context.Context, client *panel.Client) {
	names := serviceNames(sdk)
	for _, name := range names {
		deployed := deploy(ctx, client, name)
		params := panel.GetServiceLogsParams{ServiceID: string(deployed.ID), Tail: panel.NewOptInt(10)}
		read := noError(client.GetServiceLogs(ctx, params))
		lines := expectType[*panel.ServiceLogHeaders](read).Response.Data
		expect(len(lines) == 1 && lines[0].Text == printed, printed, lines)
		address := url.URL(deployed.URL.Value)
		printStep("deployed %s at %s; its output is '%s'", name, address.String(), printed)
	}

	pages := listPages(ctx, client, 2)
	var listed []string
	for _, page := range pages {
		for _, service := range page {
			listed = append(listed, string(service.Name))
		}
	}
	expect(strings.Join(listed, " ") == strings.Join(names, " ") && len(pages) == 2, "three services on two pages", listed)
	printStep("listed %d services on %d pages", len(listed), len(pages))

	for _, page := range pages {
		for _, service := range page {
			id := string(service.ID)
			read := noError(client.GetService(ctx, panel.GetServiceParams{ServiceID: id}))
			etag := panel.NewOptString(expectType[*panel.ServiceHeaders](read).ETag)
			deleted := noError(client.DeleteService(ctx, panel.DeleteServiceParams{ServiceID: id, IfMatch: etag}))
			expectType[*panel.DeleteServiceNoContent](deleted)
		}
	}
	remaining := noError(client.ListServices(ctx, panel.ListServicesParams{Search: panel.NewOptString(sdk)}))
	total := expectType[*panel.ServiceListHeaders](remaining).Response.Total
	expect(total == 0, "no service remaining", total)
	printStep("deleted the services, each with its ETag")
}

// deploy creates a service from the template hello, waits for its deployment, and returns the service.
func deploy(ctx context.Context, client *panel.Client, name string) panel.Service {
	body := &panel.TemplateDeployment{Name: panel.ServiceName(name)}
	params := panel.DeployTemplateParams{TemplateID: "hello"}
	trial := panel.DeployTemplateParams{TemplateID: "hello", DryRun: panel.NewOptBool(true)}
	planned := expectType[*panel.ServiceCreatedHeaders](noError(client.DeployTemplate(ctx, body, trial))).Response
	expect(planned.DryRun.Set && planned.OperationID.Null, "a dry run", planned)
	created := expectType[*panel.ServiceCreatedHeaders](noError(client.DeployTemplate(ctx, body, params))).Response
	expect(!created.DryRun.Set, "no dry run", created)
	waiting := panel.GetOperationParams{OperationID: created.OperationID.Value, Wait: panel.NewOptInt(60)}
	operation := expectType[*panel.OperationHeaders](noError(client.GetOperation(ctx, waiting))).Response
	expect(operation.Status == "succeeded", "a succeeded deployment", operation.Status)
	read := noError(client.GetService(ctx, panel.GetServiceParams{ServiceID: string(created.ID)}))
	return expectType[*panel.ServiceHeaders](read).Response
}

// listPages returns the pages of this scenario's services, sorted by name, until there are no more.
func listPages(ctx context.Context, client *panel.Client, size int) [][]panel.ServiceSummary {
	var pages [][]panel.ServiceSummary
	for hasMore := true; hasMore; {
		answer := noError(client.ListServices(ctx, panel.ListServicesParams{
			Search: panel.NewOptString(sdk), Sort: panel.NewOptListServicesSort(panel.ListServicesSortName),
			Order: panel.NewOptOrder(panel.OrderAsc), Page: panel.NewOptInt(len(pages) + 1), PerPage: panel.NewOptInt(size),
		}))
		page := expectType[*panel.ServiceListHeaders](answer).Response
		pages = append(pages, page.Data)
		hasMore = bool(page.HasMore)
	}
	return pages
}

// checkErrors requests a missing service and creates an invalid key.
func checkErrors(ctx context.Context, client *panel.Client) {
	read := noError(client.GetService(ctx, panel.GetServiceParams{ServiceID: "svc_nobody"}))
	missing := expectType[*panel.ServiceNotFoundHeaders](read).Response.Error
	expect(missing.Code == "not_found", "not_found", missing.Code)
	printStep("received 404 %s: %s", missing.Code, missing.Details.Value)

	past := panel.OptionalTimestamp(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC))
	invalid := &panel.ApiKeyCreate{Name: sdk, Role: panel.RoleNameViewer, AllowedIps: panel.AllowedIps{"nowhere"}}
	invalid.ExpiresAt.SetTo(past)
	created := noError(client.CreateAPIKey(ctx, invalid, panel.CreateAPIKeyParams{}))
	rejected := expectType[*panel.InvalidHeaders](created).Response.Error
	fields := rejected.Fields.Value
	expect(len(fields) == 2 && fields["allowedIps.0"] != "" && fields["expiresAt"] != "", "both fields", fields)
	printStep("received 422 %s: %v", rejected.Code, fields)
}

// expectType returns the response if it has the expected type, which stands for its status.
func expectType[T any](response any) T {
	typed, matches := response.(T)
	expect(matches, fmt.Sprintf("%T", typed), fmt.Sprintf("%+v", response))
	return typed
}

// noError returns the value, or ends the scenario if there is an error.
func noError[T any](value T, err error) T {
	expect(err == nil, "no error", err)
	return value
}
