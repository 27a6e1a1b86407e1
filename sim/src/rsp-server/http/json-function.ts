import type { OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { RspRefusal, statusCodeData } from "../status-code.ts";
import { JsonBody } from "./json-body.ts";

/** Members of an answer in JSON; undefined is an answer without body (204). */
export type JsonMembers = Readonly<Record<string, unknown>> | undefined;

/** A function of ES2+, ES9+, ES11 or ES12 in JSON. */
export type JsonFunction = (body: JsonBody) => JsonMembers | Promise<JsonMembers>;

/**
 * Runs a function and answers as SGP.22 section 6.5.1.4 prescribes: status 200 with functionExecutionStatus, also for
 * a refusal; 400 only for what is no JSON at all.
 */
export async function answerJson(
	run: JsonFunction,
	requestBody: Uint8Array,
	onRefusal: (refusal: RspRefusal) => void,
): Promise<OutgoingResponse> {
	try {
		const members = await run(JsonBody.parse(requestBody));
		if (members === undefined) return { status: 204 };
		return json(200, { header: { functionExecutionStatus: { status: "Executed-Success" } }, ...members });
	} catch (error) {
		if (!(error instanceof RspRefusal)) throw error;
		onRefusal(error);
		const functionExecutionStatus = { status: "Failed", statusCodeData: statusCodeData(error) };
		return json(error.status === "formatInvalid" ? 400 : 200, { header: { functionExecutionStatus } });
	}
}

export function json(status: number, value: unknown): OutgoingResponse {
	return { status, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
}
