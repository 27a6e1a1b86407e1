import { declaredErrors, EsimError } from "@iot-esim/shared/util/errors";
import { type Static, Type } from "@sinclair/typebox";
import { ApiError } from "./errors.ts";

export const Problem = Type.Object(
	{
		type: Type.String({ description: "Names the kind of problem: urn:iot-esim:error:<code>." }),
		title: Type.String({ description: "What this kind of problem means." }),
		status: Type.Integer(),
		detail: Type.String({ description: "What happened this time." }),
		code: Type.String({ description: "Stable code, as in the error reference." }),
		action: Type.Optional(Type.String({ description: "What to do about it." })),
		retryable: Type.Boolean({ description: "True when the same request may go through later." }),
		requestId: Type.String(),
		errors: Type.Optional(
			Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
				description: "The fields that do not fit.",
			}),
		),
	},
	{ schemaName: "Problem", description: "RFC 9457 problem details." },
);
export type Problem = Static<typeof Problem>;

export const PROBLEM_TYPE = "application/problem+json";

/** The one place where an error becomes an answer of the API. */
export function problemOf(error: unknown, requestId: string): Problem {
	const known = knownError(error);
	const entry = declaredErrors().get(known.code);
	return {
		type: `urn:iot-esim:error:${known.code}`,
		title: entry?.meaning ?? "Something went wrong.",
		status: known.httpStatus,
		detail: known.message,
		code: known.code,
		...(entry ? { action: entry.action } : {}),
		retryable: known.retryable,
		requestId,
		...(known instanceof ApiError && known.fields.length > 0 ? { errors: [...known.fields] } : {}),
	};
}

function knownError(error: unknown): EsimError {
	if (error instanceof EsimError) return error;
	const { statusCode, message } = error as { statusCode?: unknown; message?: unknown };
	if (statusCode === 429) return new ApiError("API_RATE_LIMITED", String(message));
	// What the framework refuses before a handler runs: broken JSON, wrong content type, too large a body.
	if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
		return new ApiError("API_BODY_UNREADABLE", String(message));
	}
	// The message of an unforeseen error may carry anything: it goes to the log, not to the caller.
	return new ApiError("API_INTERNAL", "the request could not be served");
}
