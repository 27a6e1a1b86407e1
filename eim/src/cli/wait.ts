import type { ApiClient } from "./api-client.ts";
import type { OperationJson } from "./api-types.ts";
import type { CliContext } from "./command-context.ts";
import { CliError } from "./errors.ts";

const FINAL = new Set(["succeeded", "failed", "rolled-back", "expired", "cancelled"]);
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

/**
 * Looks at the operation until it has ended, noting each new state with the time since the beginning.
 * @throws CliError CLI_OPERATION_UNSUCCESSFUL when `timeout` (seconds) passes first, or the wait is broken off
 */
export async function waitForOperation(
	client: ApiClient,
	id: string,
	context: CliContext,
	timeout: number | undefined,
): Promise<OperationJson> {
	const begun = context.now();
	let state = "";
	for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
		const operation = await client.json<OperationJson>("GET", `/api/v1/operations/${encodeURIComponent(id)}`);
		if (operation.state !== state) {
			state = operation.state;
			pause = FIRST_PAUSE_MS;
			context.note(`${((context.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${state}${wordsFor(state)}`);
		}
		if (FINAL.has(state)) return operation;
		const isLate = timeout !== undefined && context.now() - begun >= timeout * 1000;
		if (isLate || context.signal.aborted) {
			const why = isLate ? `after ${timeout} s` : "when the wait was broken off";
			throw new CliError("CLI_OPERATION_UNSUCCESSFUL", `operation ${id} was still ${state} ${why}; it goes on`);
		}
		await context.pause(pause);
	}
}

function wordsFor(state: string): string {
	if (state === "queued") return ": waiting for the device to poll";
	if (state === "sent") return ": the device has the package";
	if (state === "awaiting-verification") return ": the result is kept until the certificates of the eUICC are known";
	return "";
}
