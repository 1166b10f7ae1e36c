// What the scenarios of scripts/sdk in TypeScript share.

/** What the application of the template hello prints. */
export const PRINTED = "hello listens on port 8080";

/** End the scenario if the condition is false. */
export function expect(condition: boolean, expected: string, actual: unknown): void {
  if (!condition) throw new Error(`expected ${expected}, got ${JSON.stringify(actual)}`);
}

/** Return an environment variable that must be set. */
export function requiredVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** Print a step of the scenario. */
export function printStep(line: string): void {
  console.log(`  ${line}`);
}
