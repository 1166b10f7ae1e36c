// The story of scripts/sdk, told with the client that oapi-codegen makes for Go.
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

const (
	sdk     = "sdk-go"
	printed = "hello listens on port 8080"
)

// answer is what the client gives back for each operation.
type answer interface {
	StatusCode() int
	GetBody() []byte
}

func main() {
	ctx := context.Background()
	admin := panel.NewApiKey{Name: sdk, Role: panel.RoleNameAdmin}
	made := must(connect(os.Getenv("PANEL_API_KEY")).CreateApiKeyWithResponse(ctx, nil, admin))
	key := given(made, made.JSON201)
	say("made the key %s, and uses it from now on", key.Prefix)
	client := connect(key.Key)
	liveAndDieOfServices(ctx, client)
	meetErrors(ctx, client)
	revoked := must(client.RevokeApiKeyWithResponse(ctx, key.Id, nil))
	expect(revoked.StatusCode() == http.StatusNoContent, "204", string(revoked.Body))
	read := must(client.GetApiKeyWithResponse(ctx, key.Id, nil))
	say("deleted the key; it opens nothing any more: 401 %s", given(read, read.JSON401).Error.Code)
}

// connect makes a client that calls with this key; its server is the panel of the environment.
func connect(key string) *panel.ClientWithResponses {
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+key)
		return nil
	}
	server := os.Getenv("PANEL_URL") + "/api"
	return must(panel.NewClientWithResponses(server, panel.WithRequestEditorFn(authorize)))
}

// liveAndDieOfServices deploys three services, reads their logs, finds them page by page, and deletes them.
func liveAndDieOfServices(ctx context.Context, client *panel.ClientWithResponses) {
	var names []string
	for number := 1; number <= 3; number++ {
		names = append(names, fmt.Sprintf("%s-%d", sdk, number))
	}
	for _, name := range names {
		deployed := deploy(ctx, client, name)
		read := must(client.GetServiceLogsWithResponse(ctx, deployed.Id, &panel.GetServiceLogsParams{Tail: new(10)}))
		lines := given(read, read.JSON200).Data
		expect(len(lines) == 1 && lines[0].Text == printed, printed, lines)
		say("deployed %s, which answers at %s and prints '%s'", name, *deployed.Url, printed)
	}

	pages := listPages(ctx, client, 2)
	var found []string
	for _, page := range pages {
		for _, service := range page {
			found = append(found, service.Name)
		}
	}
	expect(strings.Join(found, " ") == strings.Join(names, " ") && len(pages) == 2, "three services on two pages", found)
	say("found %d services on %d pages", len(found), len(pages))

	for _, page := range pages {
		for _, service := range page {
			read := must(client.GetServiceWithResponse(ctx, service.Id, nil))
			etag := given(read, read.Headers200).ETag
			deleted := must(client.DeleteServiceWithResponse(ctx, service.Id, &panel.DeleteServiceParams{IfMatch: &etag}))
			expect(deleted.StatusCode() == http.StatusNoContent, "204", string(deleted.Body))
		}
	}
	left := must(client.ListServicesWithResponse(ctx, &panel.ListServicesParams{Search: new(sdk)}))
	expect(given(left, left.JSON200).Total == 0, "no service left", string(left.Body))
	say("deleted the services, each by its ETag")
}

// deploy makes a service from the template hello, and gives it as it is when its deployment has succeeded.
func deploy(ctx context.Context, client *panel.ClientWithResponses, name string) *panel.Service {
	made := must(client.DeployTemplateWithResponse(ctx, "hello", nil, panel.TemplateDeployment{Name: name}))
	service := given(made, made.JSON201)
	waited := must(client.GetOperationWithResponse(ctx, *service.OperationId, &panel.GetOperationParams{Wait: new(60)}))
	operation := given(waited, waited.JSON200)
	expect(operation.Status == panel.OperationStatusSucceeded, "a deployment that succeeds", operation.Status)
	read := must(client.GetServiceWithResponse(ctx, service.Id, nil))
	return given(read, read.JSON200)
}

// listPages lists the services of this story by name, page by page, as far as the total says that there are any.
func listPages(ctx context.Context, client *panel.ClientWithResponses, size int) [][]panel.ServiceSummary {
	var pages [][]panel.ServiceSummary
	for read, total := 0, 1; read < total; {
		answer := must(client.ListServicesWithResponse(ctx, &panel.ListServicesParams{
			Search: new(sdk), Sort: new(panel.ListServicesParamsSortName), Order: new(panel.ListServicesParamsOrderAsc),
			Page: new(len(pages) + 1), PerPage: &size,
		}))
		page := given(answer, answer.JSON200)
		pages = append(pages, page.Data)
		read, total = read+len(page.Data), page.Total
	}
	return pages
}

// meetErrors asks for what is not there and for what breaks rules.
func meetErrors(ctx context.Context, client *panel.ClientWithResponses) {
	read := must(client.GetServiceWithResponse(ctx, "svc_nobody", nil))
	missing := given(read, read.JSON404).Error
	expect(missing.Code == panel.ErrorCodeNotFound, "not_found", missing.Code)
	say("met 404 %s: %s", missing.Code, *missing.Details)

	past := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	nowhere := panel.AllowedIps{"nowhere"}
	bad := panel.NewApiKey{Name: sdk, Role: panel.RoleNameViewer, AllowedIps: &nowhere, ExpiresAt: &past}
	made := must(client.CreateApiKeyWithResponse(ctx, nil, bad))
	wrong := given(made, made.JSON422).Error
	fields := *wrong.Fields
	expect(len(fields) == 2 && fields["allowedIps.0"] != "" && fields["expiresAt"] != "", "both fields", fields)
	say("met 422 %s: %v", wrong.Code, fields)
}

// given is the part of an answer that was expected; there is none when the answer has another status.
func given[T any](answer answer, part *T) *T {
	expect(part != nil, fmt.Sprintf("%T", part), fmt.Sprint(answer.StatusCode(), " ", string(answer.GetBody())))
	return part
}

// must gives what came, or ends the story.
func must[T any](came T, err error) T {
	if err != nil {
		fail(err.Error())
	}
	return came
}

// expect ends the story where something else comes than was expected.
func expect(truth bool, what string, came any) {
	if !truth {
		fail(fmt.Sprintf("%s was expected, and this came: %v", what, came))
	}
}

// fail ends the story.
func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

// say prints one line a step.
func say(format string, values ...any) {
	fmt.Printf("  "+format+"\n", values...)
}
