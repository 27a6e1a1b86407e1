import { Iccid } from "@iot-esim/shared/ids/iccid";
import { parseActivationCode } from "../domain/activation-code.ts";
import type { DownloadParameters, DownloadSource } from "../domain/download.ts";
import type { EuiccDataParameters } from "../domain/euicc-data.ts";
import { ApiError } from "./errors.ts";
import type { OperationRequest } from "./schemas.ts";

type DownloadRequest = Extract<OperationRequest, { type: "download" }>;

/**
 * The parameters of a download that a request stands for.
 * @throws ApiError API_REQUEST_INVALID, DomainError ACTIVATION_CODE_INVALID
 */
export function downloadOf(request: DownloadRequest): DownloadParameters {
	const { mode, confirmationCode, expected } = request;
	const source = sourceOf(request);
	if (mode === "direct" && confirmationCode !== undefined) {
		throw invalid("body.confirmationCode", "cannot be given to a device that downloads by itself; order it indirect");
	}
	if (mode === "direct" && expected !== undefined) {
		throw invalid("body.expected", "cannot be checked in a direct download; order it indirect");
	}
	return {
		...source,
		...(mode === undefined ? {} : { mode }),
		...(confirmationCode === undefined ? {} : { confirmationCode }),
		...(expected === undefined ? {} : { expected: expectedOf(expected) }),
	};
}

function sourceOf(request: DownloadRequest): DownloadSource {
	const { activationCode, smdpAddress, matchingId, contactDefaultSmdp, contactSmds } = request;
	const ways = [activationCode, smdpAddress, contactDefaultSmdp, contactSmds].filter((way) => way !== undefined);
	if (ways.length > 1 || (matchingId !== undefined && smdpAddress === undefined)) {
		const rule = "give one of activationCode, smdpAddress with its matchingId, contactDefaultSmdp, contactSmds";
		throw invalid("body.activationCode", `stands beside another source of the profile; ${rule}`);
	}
	if (contactDefaultSmdp !== undefined) return { contact: "defaultSmdp" };
	if (contactSmds !== undefined) return { contact: "smds", ...contactSmds };
	if (smdpAddress !== undefined) return { smdpAddress, matchingId: matchingId ?? "" };
	if (activationCode === undefined) {
		const rule = "give an activationCode, an smdpAddress with its matchingId, contactDefaultSmdp, or contactSmds";
		throw invalid("body.activationCode", `is missing: ${rule}`);
	}
	const code = parseActivationCode(activationCode);
	if (code instanceof Error) throw code;
	if (code.confirmationCodeRequired && request.confirmationCode === undefined && request.mode !== "direct") {
		throw invalid("body.confirmationCode", "is missing: the activation code says that one is required");
	}
	return { smdpAddress: code.smdpAddress, matchingId: code.matchingId, activationCode };
}

function expectedOf({ iccid, ...rest }: NonNullable<DownloadRequest["expected"]>) {
	return { ...rest, ...(iccid === undefined ? {} : { iccid: Iccid(iccid) }) };
}

/** The parameters of a question for eUICC data. */
export function euiccDataOf(request: Extract<OperationRequest, { type: "readEuiccData" }>): EuiccDataParameters {
	const { tags, ciPublicKeyId, notifications, packageResults } = request;
	return {
		...(tags === undefined ? {} : { tags: tags.map((tag) => tag.toUpperCase()) }),
		...(ciPublicKeyId === undefined ? {} : { ciPublicKeyId: ciPublicKeyId.toUpperCase() }),
		...(notifications === undefined ? {} : { notifications }),
		...(packageResults === undefined ? {} : { packageResults }),
	};
}

function invalid(field: string, message: string): ApiError {
	return new ApiError("API_REQUEST_INVALID", `${field}: ${message}`, [{ field, message }]);
}
