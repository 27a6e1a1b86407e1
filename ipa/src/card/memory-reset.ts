import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, readWholeTlv, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { EuiccMemoryResetRequest, EuiccMemoryResetResponse } from "@iot-esim/shared/messages/sgp32/es10b-card";
import { CardError } from "./errors.ts";

/** What a reset takes from the card. */
export interface MemoryResetOptions {
	readonly operationalProfiles?: boolean;
	/** Test profiles that were downloaded. */
	readonly fieldLoadedTestProfiles?: boolean;
	readonly defaultSmdpAddress?: boolean;
	/** Test profiles that came with the card. */
	readonly preLoadedTestProfiles?: boolean;
	readonly provisioningProfiles?: boolean;
	/** Every eIM: the device can be associated anew. */
	readonly eimConfiguration?: boolean;
	readonly immediateEnableConfiguration?: boolean;
}

/** The forms of the function: SGP.32 from v1.1 on, SGP.32 v1.0, SGP.22. The same bits mean different things in them. */
export type MemoryResetVersion = "1.1" | "1.0" | "sgp22";

/** The codes of the answer; those of eIMs and immediate enabling only where they were asked for. */
export interface MemoryResetResult {
	readonly resetResult: number;
	readonly resetEimResult: number | undefined;
	readonly resetImmediateEnableConfigResult: number | undefined;
}

type Option = keyof MemoryResetOptions;

/** Options in the order of their bits (SGP.32 v1.2 §5.9.5, SGP.32 v1.0 §5.9.5, SGP.22 §5.7.19). */
const BITS: Readonly<Record<MemoryResetVersion, readonly Option[]>> = {
	"1.1": [
		"operationalProfiles",
		"fieldLoadedTestProfiles",
		"defaultSmdpAddress",
		"preLoadedTestProfiles",
		"provisioningProfiles",
		"eimConfiguration",
		"immediateEnableConfiguration",
	],
	"1.0": [
		"operationalProfiles",
		"fieldLoadedTestProfiles",
		"defaultSmdpAddress",
		"eimConfiguration",
		"immediateEnableConfiguration",
	],
	sgp22: ["operationalProfiles", "fieldLoadedTestProfiles", "defaultSmdpAddress"],
};

/** @throws CardError CARD_FUNCTION_REFUSED when the version knows no such option */
export function memoryResetRequest(options: MemoryResetOptions, version: MemoryResetVersion): Uint8Array {
	const bits = BITS[version];
	const unknown = (Object.keys(options) as Option[]).filter((option) => options[option] && !bits.includes(option));
	if (unknown.length > 0) {
		const what = `${unknown.join(", ")}: a card of ${version === "sgp22" ? "SGP.22" : `SGP.32 v${version}`} cannot reset it`;
		throw new CardError("CARD_FUNCTION_REFUSED", what);
	}
	// DER has no trailing zeros in a list of named bits.
	const resetOptions = bits
		.map((option) => (options[option] ? "1" : "0"))
		.join("")
		.replace(/0+$/, "");
	const request = encode(EuiccMemoryResetRequest, { resetOptions });
	return version === "1.1" ? request : tlv(0xbf34, tlvValue(request, readWholeTlv(request)));
}

/** BF64 and BF34 differ in their own tag and in that of the first member, which SGP.32 v1.0 has as 02. */
export function decodeMemoryReset(answer: Uint8Array): MemoryResetResult {
	const whole = readWholeTlv(answer);
	const members = readTlvs(answer, whole.valueStart, whole.end).map((member) =>
		tlv(member.tag === 0x02 ? 0x80 : member.tag, tlvValue(answer, member)),
	);
	const found = decode(EuiccMemoryResetResponse, tlv(0xbf64, ...members));
	const { resetResult, resetEimResult, resetImmediateEnableConfigResult } = found;
	return { resetResult, resetEimResult, resetImmediateEnableConfigResult };
}
