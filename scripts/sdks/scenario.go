// What the scenarios of scripts/sdk in Go share.
package main

import (
	"fmt"
	"os"
)

// printed is what the application of the template hello prints.
const printed = "hello listens on port 8080"

// serviceNames returns the names of the services that the scenario deploys.
func serviceNames(sdk string) []string {
	var names []string
	for number := 1; number <= 3; number++ {
		names = append(names, fmt.Sprintf("%s-%d", sdk, number))
	}
	return names
}

// expect ends the scenario if the condition is false.
func expect(condition bool, expected string, actual any) {
	if !condition {
		fmt.Fprintf(os.Stderr, "expected %s, got %v\n", expected, actual)
		os.Exit(1)
	}
}

// printStep prints a step of the scenario.
func printStep(format string, values ...any) {
	fmt.Printf("  "+format+"\n", values...)
}
