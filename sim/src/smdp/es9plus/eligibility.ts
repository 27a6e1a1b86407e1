import { decode } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import type { EUICCInfo2 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { PprIds } from "@iot-esim/shared/messages/sgp22/profile-info";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp22/profile-metadata";
import { fromBase64 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { ProfileRecord } from "../orders/profile-record.ts";

/** Available non-volatile memory in extCardResource (ETSI TS 102 226). */
const TAG_FREE_MEMORY = 0x82;

/**
 * Whether the eUICC can take the profile (SGP.22 section 3.1.3.1, "eligibility check").
 * @throws RspRefusal 8.1/4.8 when its memory is too small, 8.2.5/4.3 when it forbids the profile's policy rules
 */
export function checkEligibility(profile: ProfileRecord, euiccInfo2: EUICCInfo2): void {
	const free = freeMemory(euiccInfo2.extCardResource);
	if (free !== undefined && free < profile.size) {
		throw new RspRefusal("insufficientMemory", `the profile needs ${profile.size} octets, ${free} are free`);
	}
	const { profilePolicyRules } = decode(StoreMetadataRequest, fromBase64(profile.metadata));
	const forbidden = euiccInfo2.forbiddenProfilePolicyRules;
	if (profilePolicyRules === undefined || forbidden === undefined) return;
	for (const rule of ["ppr1", "ppr2"] as const) {
		if (PprIds.has(profilePolicyRules, rule) && PprIds.has(forbidden, rule)) {
			throw new RspRefusal(
				"noEligibleProfile",
				`the eUICC forbids the policy rule ${rule} of the profile`,
				profile.iccid,
			);
		}
	}
}

function freeMemory(extCardResource: Uint8Array): number | undefined {
	try {
		const free = findTlv(readTlvs(extCardResource), TAG_FREE_MEMORY);
		return free && tlvValue(extCardResource, free).reduce((value, octet) => value * 256 + octet, 0);
	} catch (error) {
		if (error instanceof EsimError) return undefined;
		throw error;
	}
}
