import type { ApiClient } from "./api-client.ts";
import type { OperationJson } from "./api-types.ts";
import type { CliContext } from "./command-context.ts";
import { CliError } from "./errors.ts";

const FINAL = new Set(["succeeded", "failed", "rolled-back", "expired", "cancelled"]);
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

/**
 * Looks at the operation until it has ended, noting each new state, and each failure to bring it to the device or to wake
 * that, with the time since the beginning.
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
	let failed: string | undefined;
	const note = (text: string) => {
		context.note(`${((context.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);
	};
	for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
		const operation = await client.json<OperationJson>("GET", `/api/v1/operations/${encodeURIComponent(id)}`);
		if (operation.state !== state) {
			state = operation.state;
			pause = FIRST_PAUSE_MS;
			note(`${state}${wordsFor(state)}`);
		}
		const failure = failureOf(operation);
		if (failure !== undefined && failure !== failed) note(operation.reason ?? failure);
		failed = failure ?? failed;
		if (FINAL.has(state)) return operation;
		const isLate = timeout !== undefined && context.now() - begun >= timeout * 1000;
		if (isLate || context.signal.aborted) {
			const why = isLate ? `after ${timeout} s` : "when the wait was broken off";
			throw new CliError("CLI_OPERATION_UNSUCCESSFUL", `operation ${id} was still ${state} ${why}; it goes on`);
		}
		await context.pause(pause);
	}
}

/** What the last failed tries to bring or to wake have in common with none after them. */
function failureOf({ lastAttempts = [] }: OperationJson): string | undefined {
	const failed = lastAttempts.filter(({ at, state }) => at !== undefined && /^(failed|undelivered)$/.test(state));
	return failed.length === 0 ? undefined : failed.map(({ via, at }) => `${via} ${at}`).join();
}

function wordsFor(state: string): string {
	if (state === "queued") return ": waiting for the device to poll";
	if (state === "sent") return ": the package has left for the device";
	if (state === "awaiting-verification") return ": the result is kept until the certificates of the eUICC are known";
	return "";
}
