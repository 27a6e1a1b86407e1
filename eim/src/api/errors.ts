import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const apiErrors = defineErrors({
	API_KEY_REQUIRED: {
		meaning: "The request carries no API key.",
		action: "Send `Authorization: Bearer <key>`; the first key was printed when this eIM started for the first time.",
		httpStatus: 401,
	},
	API_KEY_INVALID: {
		meaning: "The API key is unknown or revoked.",
		action: "Use a key of `GET /api/v1/api-keys`, or make a new one with a key that is still valid.",
		httpStatus: 401,
	},
	API_KEY_READ_ONLY: {
		meaning: "The API key may only read.",
		action: "Use a key that was made without `readOnly`.",
		httpStatus: 403,
	},
	API_KEY_UNKNOWN: {
		meaning: "There is no API key with this id, or it is revoked already.",
		action: "List the keys to see their ids.",
		httpStatus: 404,
	},
	API_REQUEST_INVALID: {
		meaning: "The request does not fit the schema of the endpoint.",
		action: "`errors` names each field and what is wrong with it; the schema is in /api/v1/openapi.json.",
		httpStatus: 400,
	},
	API_BODY_UNREADABLE: {
		meaning: "The body is no JSON, has another content type, or is larger than the API takes.",
		action: "Send JSON with `Content-Type: application/json`.",
		httpStatus: 400,
	},
	API_ROUTE_UNKNOWN: {
		meaning: "There is no such endpoint.",
		action: "Compare method and path with /api/v1/openapi.json.",
		httpStatus: 404,
	},
	API_DEVICE_UNKNOWN: {
		meaning: "No device with this EID is registered.",
		action: "Register it with POST /api/v1/devices; devices that polled without it stand in /api/v1/seen-unknown.",
		httpStatus: 404,
	},
	API_DEVICE_EXISTS: {
		meaning: "A device with this EID is registered already.",
		action: "Change it with PATCH /api/v1/devices/{eid}.",
		httpStatus: 409,
	},
	API_OPERATION_UNKNOWN: {
		meaning: "There is no operation with this id.",
		action: "List the operations of the device with GET /api/v1/operations?eid=.",
		httpStatus: 404,
	},
	API_IDEMPOTENCY_KEY_REUSED: {
		meaning: "The Idempotency-Key came before with another request.",
		action: "Use a new key for a new request; a repetition must be the same request to the last field.",
		httpStatus: 422,
	},
	API_RATE_LIMITED: {
		meaning: "Too many requests came from this address within a minute.",
		action: "Wait as long as `Retry-After` says, or raise `api.requestsPerMinute`.",
		httpStatus: 429,
		retryable: true,
	},
	API_STREAMS_EXHAUSTED: {
		meaning: "As many event streams are open as this eIM serves at once.",
		action: "Close streams that nobody reads, or read events page by page with Accept: application/json.",
		httpStatus: 503,
		retryable: true,
	},
	API_INTERNAL: {
		meaning: "Something went wrong inside the eIM.",
		action: "The log has the details under the request id of the answer.",
		httpStatus: 500,
	},
});

/** A request that the API refuses. */
export class ApiError extends EsimError {
	declare readonly code: keyof typeof apiErrors;
	/** Which fields are wrong, for API_REQUEST_INVALID. */
	readonly fields: readonly FieldProblem[];

	constructor(code: keyof typeof apiErrors, message: string, fields: readonly FieldProblem[] = []) {
		super(code, message);
		this.fields = fields;
	}
}

export interface FieldProblem {
	/** `body.iccid`, `query.limit`. */
	readonly field: string;
	readonly message: string;
}
