import type { OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { RspRefusal, statusCodeData } from "../status-code.ts";
import { JsonBody } from "./json-body.ts";

/** A function of ES2+ or ES9+ in JSON: body in, members of the answer out; undefined is an answer without body (204). */
export type JsonFunction = (body: JsonBody) => Readonly<Record<string, unknown>> | undefined;

/**
 * Runs a function and answers as SGP.22 section 6.5.1.4 prescribes: status 200 with functionExecutionStatus, also for
 * a refusal; 400 only for what is no JSON at all.
 */
export function answerJson(
	run: JsonFunction,
	requestBody: Uint8Array,
	onRefusal: (refusal: RspRefusal) => void,
): OutgoingResponse {
	try {
		const members = run(JsonBody.parse(requestBody));
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
