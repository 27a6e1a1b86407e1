import { Iccid } from "@iot-esim/shared/ids/iccid";
import { fromBase64 } from "@iot-esim/shared/util/bytes";
import type { EimToldToCard, EuiccCommand, ProfileSearch } from "../domain/euicc-command.ts";
import type { EimConfiguration } from "./api-deps.ts";
import type { CommandRequest } from "./command-schemas.ts";
import { ApiError } from "./errors.ts";

/**
 * The command that a request stands for.
 * @param field where the request stands, for messages: `body`, `body.commands.1`
 * @throws ApiError API_REQUEST_INVALID, EsimError ESIPA_CONFIGURATION_INVALID
 */
export function commandOf(request: CommandRequest, field: string, own: EimConfiguration): EuiccCommand {
	switch (request.type) {
		case "enable":
			return { type: "enable", parameters: { iccid: Iccid(request.iccid), rollback: request.rollback ?? true } };
		case "disable":
		case "delete":
		case "setFallbackAttribute":
			return { type: request.type, parameters: { iccid: Iccid(request.iccid) } };
		case "listProfiles":
			return { type: "listProfiles", parameters: listOf(request, field) };
		case "configureImmediateEnable":
			return { type: "configureImmediateEnable", parameters: immediateEnableOf(request) };
		case "setDefaultDpAddress":
			return { type: "setDefaultDpAddress", parameters: { smdpAddress: request.smdpAddress ?? "" } };
		case "addEim":
			return { type: "addEim", parameters: toldToCard(request.configuration, own) };
		case "deleteEim":
			return { type: "deleteEim", parameters: { eimId: request.eimId } };
		case "updateEim":
			return { type: "updateEim", parameters: updateOf(request.configuration, field, own) };
		case "getRat":
		case "unsetFallbackAttribute":
		case "listEims":
			return { type: request.type, parameters: {} };
	}
}

type RequestOf<T extends CommandRequest["type"]> = Extract<CommandRequest, { type: T }>;

/** Members by which the eIM knows a profile: without them a list could not be taken over. */
const NEEDED_TAGS = ["5A", "9F70"];

function listOf({ search, tags }: RequestOf<"listProfiles">, field: string) {
	const upper = tags?.map((tag) => tag.toUpperCase());
	const missing = upper && NEEDED_TAGS.find((tag) => !upper.includes(tag));
	if (missing) throw invalid(`${field}.tags`, `has no ${missing}, which the eIM needs to know the profiles by`);
	return {
		...(search === undefined ? {} : { search: searchOf(search) }),
		...(upper === undefined ? {} : { tags: upper }),
	};
}

function searchOf({ iccid, isdpAid, profileClass }: NonNullable<RequestOf<"listProfiles">["search"]>): ProfileSearch {
	if (iccid !== undefined) return { iccid: Iccid(iccid) };
	if (isdpAid !== undefined) return { isdpAid: isdpAid.toUpperCase() };
	return { profileClass: profileClass ?? "operational" };
}

function immediateEnableOf({ allowed, smdpOid, smdpAddress }: RequestOf<"configureImmediateEnable">) {
	return {
		isAllowed: allowed,
		...(smdpOid === undefined ? {} : { smdpOid }),
		...(smdpAddress === undefined ? {} : { smdpAddress }),
	};
}

function updateOf(configuration: string | undefined, field: string, own: EimConfiguration): Partial<EimToldToCard> {
	if (configuration === undefined) return {};
	const told = toldToCard(configuration, own);
	if (told.eimId !== own.eimId) return told;
	// A configuration of our own from elsewhere could name a key that we do not have.
	throw invalid(`${field}.configuration`, "is of this eIM itself; leave it out, and the eIM writes what it is now");
}

function toldToCard(configuration: string, own: EimConfiguration): EimToldToCard {
	const { eimId, configuration: octets } = own.read(fromBase64(configuration));
	return { eimId, configuration: octets };
}

function invalid(field: string, message: string): ApiError {
	return new ApiError("API_REQUEST_INVALID", `${field}: ${message}`, [{ field, message }]);
}
