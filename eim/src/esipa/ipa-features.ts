import { Asn1Error, decode } from "@iot-esim/shared/asn1/schema";
import { IpaCapabilities } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import type { Device } from "../domain/device.ts";

type Feature =
	| "directRspServerCommunication"
	| "indirectRspServerCommunication"
	| "eimDownloadDataHandling"
	| "eimCtxParams1Generation"
	| "eimProfileMetadataVerification"
	| "minimizeEsipaBytes";

/** What the IPA has said that it can do; nothing while it was not asked. */
export interface IpaFeatures {
	/** Whether the IPA has told its capabilities at all. */
	readonly areKnown: boolean;
	has(feature: Feature): boolean;
}

const UNKNOWN: IpaFeatures = { areKnown: false, has: () => false };

export function ipaFeatures({ ipaCapabilities }: Pick<Device, "ipaCapabilities">): IpaFeatures {
	if (ipaCapabilities === undefined) return UNKNOWN;
	try {
		const { ipaFeatures: bits } = decode(IpaCapabilities, ipaCapabilities);
		return { areKnown: true, has: (feature) => bits[POSITIONS[feature]] === "1" };
	} catch (error) {
		if (error instanceof Asn1Error) return UNKNOWN;
		throw error;
	}
}

const POSITIONS: Readonly<Record<Feature, number>> = {
	directRspServerCommunication: 0,
	indirectRspServerCommunication: 1,
	eimDownloadDataHandling: 2,
	eimCtxParams1Generation: 3,
	eimProfileMetadataVerification: 4,
	minimizeEsipaBytes: 5,
};
