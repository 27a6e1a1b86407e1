import { Iccid } from "@iot-esim/shared/ids/iccid";
import { parseActivationCode } from "../domain/activation-code.ts";
import type { DownloadParameters, OperationOrder } from "../domain/operation.ts";
import { ApiError } from "./errors.ts";
import type { OperationRequest } from "./schemas.ts";

/**
 * The order that a request stands for.
 * @throws ApiError API_REQUEST_INVALID, DomainError ACTIVATION_CODE_INVALID
 */
export function orderOf(request: OperationRequest): OperationOrder {
	switch (request.type) {
		case "download":
			return { type: "download", parameters: downloadOf(request) };
		case "enable":
			return {
				type: "enable",
				parameters: { iccid: Iccid(request.iccid), rollback: request.rollback ?? true },
			};
		case "disable":
		case "delete":
			return { type: request.type, parameters: { iccid: Iccid(request.iccid) } };
		case "listProfiles":
			return { type: "listProfiles", parameters: {} };
		case "readEuiccData":
			return {
				type: "readEuiccData",
				parameters: request.tags ? { tags: request.tags.map((tag) => tag.toUpperCase()) } : {},
			};
	}
}

function downloadOf(request: Extract<OperationRequest, { type: "download" }>): DownloadParameters {
	const { activationCode, smdpAddress, matchingId, confirmationCode } = request;
	const extra = confirmationCode === undefined ? {} : { confirmationCode };
	if (activationCode === undefined) {
		if (smdpAddress !== undefined) return { smdpAddress, matchingId: matchingId ?? "", ...extra };
		throw missing("body.activationCode", "is missing: give an activationCode, or an smdpAddress with its matchingId");
	}
	if (smdpAddress !== undefined || matchingId !== undefined) {
		throw missing("body.activationCode", "stands beside smdpAddress or matchingId; give one or the other");
	}
	const code = parseActivationCode(activationCode);
	if (code instanceof Error) throw code;
	if (code.confirmationCodeRequired && confirmationCode === undefined) {
		throw missing("body.confirmationCode", "is missing: the activation code says that one is required");
	}
	return { smdpAddress: code.smdpAddress, matchingId: code.matchingId, activationCode, ...extra };
}

function missing(field: string, message: string): ApiError {
	return new ApiError("API_REQUEST_INVALID", `${field}: ${message}`, [{ field, message }]);
}
