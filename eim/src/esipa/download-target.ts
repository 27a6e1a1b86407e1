import { parseActivationCode } from "../domain/activation-code.ts";
import type { Device } from "../domain/device.ts";
import type { DownloadParameters } from "../domain/download.ts";
import type { RspSession } from "../domain/rsp-session.ts";

/** The RSP server that a download goes to now. */
export interface DownloadTarget {
	/** FQDN, with an optional `:port`. */
	readonly address: string;
	/** An SM-DS, which has events instead of profiles. */
	readonly isSmds: boolean;
	/** Matching identifier, or the identifier of an event; absent when the server finds the profile by the EID. */
	readonly matchingId?: string;
	/** OID that the server's certificate must carry. */
	readonly smdpOid?: string;
}

export type FoundTarget =
	| { readonly kind: "found"; readonly target: DownloadTarget }
	/** The order goes to what the card has configured, and the eIM does not know that yet. */
	| { readonly kind: "unknown"; readonly tag: string }
	/** The IPA wants to go to a server that this download has nothing to do with. */
	| { readonly kind: "other" };

/** Members of IpaEuiccData that hold the addresses that a card has configured. */
const DEFAULT_SMDP_TAG = "81";
const ROOT_SMDS_TAG = "83";

/**
 * Where the eIM relays this session to: what was ordered, or what the SM-DS named for it. No other server is contacted,
 * whatever the IPA says.
 * @param asked smdpAddress of InitiateAuthentication; absent when the IPA leaves it to the eIM
 */
export function downloadTarget(
	trigger: RspSession,
	parameters: DownloadParameters,
	device: Device,
	asked: string | undefined,
): FoundTarget {
	const ordered = orderedTarget(parameters, device);
	const targets = [eventTarget(trigger), "tag" in ordered ? undefined : ordered];
	const fitting = targets.find(
		(target) => target !== undefined && (asked === undefined || isSameAddress(asked, target.address)),
	);
	if (fitting !== undefined) return { kind: "found", target: fitting };
	return "tag" in ordered ? { kind: "unknown", tag: ordered.tag } : { kind: "other" };
}

function orderedTarget(parameters: DownloadParameters, device: Device): DownloadTarget | { readonly tag: string } {
	if ("smdpAddress" in parameters) {
		const { smdpAddress: address, matchingId, activationCode } = parameters;
		const code = activationCode === undefined ? undefined : parseActivationCode(activationCode);
		const smdpOid = code === undefined || code instanceof Error ? undefined : code.smdpOid;
		return {
			address,
			isSmds: false,
			...(matchingId === "" ? {} : { matchingId }),
			...(smdpOid === undefined ? {} : { smdpOid }),
		};
	}
	if (parameters.contact === "defaultSmdp") {
		const address = device.defaultSmdpAddress;
		return address === undefined ? { tag: DEFAULT_SMDP_TAG } : { address, isSmds: false };
	}
	const address = parameters.smdsAddress ?? device.rootSmdsAddress;
	return address === undefined ? { tag: ROOT_SMDS_TAG } : { address, isSmds: true };
}

/** What an SM-DS named in an earlier session of the same trigger. Whether it is an SM-DS again, its certificate tells. */
function eventTarget({ details }: RspSession): DownloadTarget | undefined {
	const { eventAddress, eventId } = details;
	return eventAddress && eventId ? { address: eventAddress, isSmds: false, matchingId: eventId } : undefined;
}

/** Names are compared without regard to case; a port counts when both sides give one. */
export function isSameAddress(a: string, b: string): boolean {
	const [nameA, portA] = a.toLowerCase().split(":");
	const [nameB, portB] = b.toLowerCase().split(":");
	return nameA === nameB && (portA === undefined || portB === undefined || portA === portB);
}
