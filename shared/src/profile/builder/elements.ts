/** The elements of a built profile, in the order of the package; numbers are given by the caller. */

import { Iccid } from "../../ids/iccid.ts";
import { AlgorithmIdCode } from "../../messages/pe/aka.ts";
import type { PEHeader } from "../../messages/pe/basic-types.ts";
import type { Fcp, File } from "../../messages/pe/file.ts";
import type { ProfileElement } from "../../messages/pe/profile-element.ts";
import type { ServicesList } from "../../messages/pe/profile-header.ts";
import type { KeyObject } from "../../messages/pe/security-domain.ts";
import { concatBytes, hex, utf8 } from "../../util/bytes.ts";
import { ACCESS_RULE_RECORDS } from "../templates/access-rules.ts";
import {
	accessClassContents,
	imsiContents,
	networkOctets,
	pinOctets,
	plmnOctets,
	serviceTableContents,
} from "./file-contents.ts";
import type { ProfileDescription } from "./profile-description.ts";

/** AID of the USIM that is built: the registered provider and application, no further distinction. */
export const USIM_AID: Uint8Array = hex`A0000000871002FFFFFFFF8907090000`;

const MF_TEMPLATE = "2.23.143.1.2.1";
const USIM_TEMPLATE = "2.23.143.1.2.4";
const OPT_USIM_TEMPLATE = "2.23.143.1.2.5";
const TEMPORARY_USIM_FID = hex`7FF0`;
const PIN1 = 1;
const PIN2 = 0x81;
const ADM1 = 10;

const SECURITY_DOMAIN_PACKAGE = hex`A0000001515350`;
const SECURITY_DOMAIN_CLASS = hex`A000000151535041`;
const ISSUER_SECURITY_DOMAIN = hex`A000000151000000`;

/** A file with its parameters, then its contents. */
const file = (fcp: Fcp | undefined, contents?: Uint8Array): File => [
	...(fcp ? [{ fileDescriptor: fcp }] : []),
	...(contents ? [{ fillFileContent: contents }] : []),
];

/** Shortest octets of a size, as efFileSize demands. */
function sizeOctets(size: number): Uint8Array {
	return size > 0xff ? Uint8Array.of(size >> 8, size & 0xff) : Uint8Array.of(size);
}

const transparent = (contents: Uint8Array): File => file({ efFileSize: sizeOctets(contents.length) }, contents);

/** A linear fixed file whose records have the length of the longest, FF behind shorter ones. */
function linearFixed(
	records: readonly Uint8Array[],
	length = Math.max(...records.map((record) => record.length)),
): File {
	const contents = new Uint8Array(records.length * length).fill(0xff);
	for (const [i, record] of records.entries()) contents.set(record, i * length);
	return file(
		{ fileDescriptor: Uint8Array.of(0x42, 0x21, 0, length), efFileSize: sizeOctets(contents.length) },
		contents,
	);
}

const directory = (pinReferences: readonly number[], more: Fcp = {}): File =>
	file({ ...more, pinStatusTemplateDO: Uint8Array.from(pinReferences) });

export function headerElement(description: ProfileDescription, templates: readonly string[]): ProfileElement {
	const { iccid, profileName, algorithm, authentication } = description;
	const services: ServicesList = { usim: null };
	if (algorithm === "milenage") services.milenage = null;
	else if (algorithm === "usim-test") services["usim-test-algorithm"] = null;
	else if (authentication.key.length === 32) services.tuak256 = null;
	else services.tuak128 = null;
	return {
		header: {
			"major-version": 2,
			"minor-version": 3,
			...(profileName !== "" && { profileType: profileName }),
			iccid: unswapped(Iccid.toBytes(iccid)),
			"eUICC-Mandatory-services": services,
			"eUICC-Mandatory-GFSTEList": [...templates],
		},
	};
}

/** The header has the digits of the ICCID in reading order. */
function unswapped(octets: Uint8Array): Uint8Array {
	return octets.map((octet) => ((octet & 0x0f) << 4) | (octet >> 4));
}

export function mfElement(header: PEHeader, description: ProfileDescription): ProfileElement {
	const label = utf8("USIM");
	const application = concatBytes(
		Uint8Array.of(0x61, USIM_AID.length + label.length + 4, 0x4f, USIM_AID.length),
		USIM_AID,
		Uint8Array.of(0x50, label.length),
		label,
	);
	return {
		mf: {
			"mf-header": header,
			templateID: MF_TEMPLATE,
			mf: directory([PIN1, ADM1]),
			"ef-iccid": file(undefined, Iccid.toBytes(description.iccid)),
			"ef-dir": linearFixed([application]),
			"ef-arr": linearFixed(ACCESS_RULE_RECORDS),
		},
	};
}

export function pukElement(header: PEHeader, { pins }: ProfileDescription): ProfileElement {
	const pukCodes = [
		{ keyReference: PIN1, pukValue: pinOctets(pins.puk) },
		{ keyReference: PIN2, pukValue: pinOctets(pins.puk2) },
	];
	return { pukCodes: { "puk-Header": header, pukCodes } };
}

/** Bits of pinAttributes: enabled, changeable, may be enabled and disabled. */
const ENABLED = 1;
const CHANGEABLE = 2;
const SWITCHABLE = 4;

export function globalPinElement(header: PEHeader, { pins }: ProfileDescription): ProfileElement {
	const pinconfig = [
		{
			keyReference: PIN1,
			pinValue: pinOctets(pins.pin),
			unblockingPINReference: PIN1,
			pinAttributes: CHANGEABLE | SWITCHABLE | (pins.isPinEnabled ? ENABLED : 0),
		},
		{
			keyReference: ADM1,
			pinValue: pins.adm,
			pinAttributes: ENABLED | CHANGEABLE,
			"maxNumOfAttemps-retryNumLeft": 0xaa,
		},
	];
	return { pinCodes: { "pin-Header": header, pinCodes: { pinconfig } } };
}

export function localPinElement(header: PEHeader, { pins }: ProfileDescription): ProfileElement {
	const second = {
		keyReference: PIN2,
		pinValue: pinOctets(pins.pin2),
		unblockingPINReference: PIN2,
		pinAttributes: ENABLED | CHANGEABLE,
	};
	return { pinCodes: { "pin-Header": header, pinCodes: { pinconfig: [second] } } };
}

/** Services of EF.UST (3GPP TS 31.102 §4.2.8) that the built files carry out. */
function servicesOf(description: ProfileDescription): number[] {
	const { gid1, gid2, oplmn, ehplmn } = description;
	const services = [10, 12, 19, 20, 33, 43, 85];
	if (gid1) services.push(17);
	if (gid2) services.push(18);
	if (oplmn.length > 0) services.push(42);
	if (ehplmn.length > 0) services.push(71);
	return services;
}

/** First octet of EF.SPN: the name of the network is shown beside the service provider's. */
const DISPLAY_NETWORK_NAME = 0x01;

/** Emergency numbers: 112 and 911 in every country, for any service. */
const EMERGENCY = [hex`11F2FF00`, hex`19F1FF00`];
const SERVICE_TABLE_SIZE = 17;

export function usimElement(header: PEHeader, description: ProfileDescription): ProfileElement {
	const { imsi, spn, accessClasses, fplmn, mncLength } = description;
	const spnContents = concatBytes(Uint8Array.of(DISPLAY_NETWORK_NAME), spn);
	return {
		usim: {
			"usim-header": header,
			templateID: USIM_TEMPLATE,
			"adf-usim": directory([PIN1, PIN2, ADM1], { fileID: TEMPORARY_USIM_FID, dfName: USIM_AID }),
			"ef-imsi": file(undefined, imsiContents(imsi)),
			"ef-arr": linearFixed(ACCESS_RULE_RECORDS),
			"ef-ust": transparent(serviceTableContents(servicesOf(description), SERVICE_TABLE_SIZE)),
			"ef-spn": file(undefined, spnContents),
			"ef-est": file(undefined, Uint8Array.of(0)),
			"ef-acc": file(undefined, accessClassContents(accessClasses)),
			"ef-fplmn": forbiddenNetworks(fplmn),
			"ef-ad": file(undefined, Uint8Array.of(0, 0, 0, mncLength)),
			"ef-ecc": linearFixed(EMERGENCY),
		},
	};
}

/** Four places at least, as the terminal writes into this file; more when the list is longer. */
function forbiddenNetworks(networks: readonly string[]): File {
	if (networks.length === 0) return [];
	const contents = new Uint8Array(3 * Math.max(4, networks.length)).fill(0xff);
	for (const [i, network] of networks.entries()) contents.set(plmnOctets(network), 3 * i);
	return transparent(contents);
}

export function optUsimElement(header: PEHeader, description: ProfileDescription): ProfileElement {
	const { hplmn, oplmn, ehplmn, gid1, gid2 } = description;
	return {
		"opt-usim": {
			"optusim-header": header,
			templateID: OPT_USIM_TEMPLATE,
			...(gid1 && { "ef-gid1": transparent(gid1) }),
			...(gid2 && { "ef-gid2": transparent(gid2) }),
			"ef-plmnwact": [],
			...(oplmn.length > 0 && { "ef-oplmnwact": transparent(concatBytes(...oplmn.map(networkOctets))) }),
			"ef-hplmnwact": transparent(concatBytes(...hplmn.map(networkOctets))),
			...(ehplmn.length > 0 && { "ef-ehplmn": transparent(concatBytes(...ehplmn.map(plmnOctets))) }),
		},
	};
}

const ALGORITHM_IDS = {
	milenage: AlgorithmIdCode.milenage,
	tuak: AlgorithmIdCode.tuak,
	"usim-test": AlgorithmIdCode["usim-test-algorithm"],
};

/** Low bits of algorithmOptions by the octets of RES. */
const RES_OPTIONS: Readonly<Record<number, number>> = { 4: 0, 8: 1, 16: 2 };

export function akaElement(header: PEHeader, { algorithm, authentication }: ProfileDescription): ProfileElement {
	const { key, opc, resLength, keccakIterations } = authentication;
	const algoParameter = {
		algorithmID: ALGORITHM_IDS[algorithm],
		algorithmOptions: Uint8Array.of(RES_OPTIONS[resLength] ?? 1),
		key,
		opc,
		...(algorithm === "tuak" && { numberOfKeccak: keccakIterations }),
	};
	return { akaParameter: { "aka-header": header, algoConfiguration: { algoParameter } } };
}

/** The security domain of the operator, which every profile must have. */
export function securityDomainElement(header: PEHeader, { otaKeys }: ProfileDescription): ProfileElement {
	return {
		securityDomain: {
			"sd-Header": header,
			instance: {
				applicationLoadPackageAID: SECURITY_DOMAIN_PACKAGE,
				classAID: SECURITY_DOMAIN_CLASS,
				instanceAID: ISSUER_SECURITY_DOMAIN,
				applicationPrivileges: hex`82DC00`,
				lifeCycleState: hex`0F`,
				applicationSpecificParametersC9: hex`810280008201F08301F08701F0`,
			},
			...(otaKeys && {
				keyList: [keyObject(1, 0x18, otaKeys.kic), keyObject(2, 0x14, otaKeys.kid), keyObject(3, 0x48, otaKeys.kik)],
			}),
		},
	};
}

/** An AES key (GlobalPlatform key type 88) of key version 1; `usage` is its key usage qualifier. */
function keyObject(identifier: number, usage: number, keyData: Uint8Array): KeyObject {
	return {
		keyUsageQualifier: Uint8Array.of(usage),
		keyIdentifier: Uint8Array.of(identifier),
		keyVersionNumber: Uint8Array.of(1),
		keyCompontents: [{ keyType: Uint8Array.of(0x88), keyData }],
	};
}

export function endElement(header: PEHeader): ProfileElement {
	return { end: { "end-header": header } };
}

/** Templates that a built profile uses. */
export const BUILT_TEMPLATES = [MF_TEMPLATE, USIM_TEMPLATE, OPT_USIM_TEMPLATE];
