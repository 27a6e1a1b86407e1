/** What a home network must know of a profile: who the subscriber is and how its USIM authenticates. */

import { Iccid } from "../ids/iccid.ts";
import type { AlgoParameter } from "../messages/pe/aka.ts";
import { AlgorithmIdCode } from "../messages/pe/aka.ts";
import { toHex } from "../util/bytes.ts";
import { ProfileError } from "./errors.ts";
import { type FileStep, fileImage } from "./file-image.ts";
import type { ElementValue } from "./profile-package.ts";
import { contentsOf, fileElementOf, headerOf, type PackageElement, type ProfilePackage } from "./profile-package.ts";
import { fileTemplateOf, templateOf } from "./templates/registry.ts";

export type SubscriberAlgorithm = "milenage" | "tuak" | "usim-test";

/** Octet strings as in PE-AKAParameter, so that they fit `profileAlgorithm` and `sequencePolicyOf` of crypto/aka. */
export interface Subscriber {
	readonly iccid: Iccid;
	/** 6 to 15 digits. */
	readonly imsi: string;
	readonly algorithm: SubscriberAlgorithm;
	readonly algorithmID: number;
	readonly algorithmOptions: Uint8Array;
	readonly key: Uint8Array;
	/** OPc for Milenage, TOPc for TUAK; the test algorithm ignores it. */
	readonly opc: Uint8Array;
	readonly rotationConstants: Uint8Array;
	readonly xoringConstants: Uint8Array;
	readonly numberOfKeccak: number;
	/** Bit 1 the age limit, bit 2 the protection against wrap-around. */
	readonly sqnOptions: number;
	readonly sqnDelta: Uint8Array;
	readonly sqnAgeLimit: Uint8Array;
	/** 32 values of 6 octets, without the index. */
	readonly sqnInit: readonly Uint8Array[];
}

/**
 * The subscriber of the first USIM in the package.
 * @throws ProfileError PROFILE_SUBSCRIBER_MISSING, PROFILE_FILE_INVALID; IdError when the ICCID is none
 */
export function subscriberOf(profile: ProfilePackage): Subscriber {
	const header = headerOf(profile);
	if (!header) throw new ProfileError("PROFILE_SUBSCRIBER_MISSING", "the package does not begin with a profile header");
	const usimAt = profile.elements.findIndex((element) => element.kind === "usim" || element.kind === "iot");
	const usim = profile.elements[usimAt];
	if (!usim) throw new ProfileError("PROFILE_SUBSCRIBER_MISSING", "the package has no PE-USIM and no PE-IoT");
	const aka = akaBehind(profile.elements, usimAt);
	return { iccid: headerIccid(header.iccid), imsi: imsiOf(usim), ...authenticationOf(aka, profile) };
}

/** The first PE-AKAParameter behind an application and before the next one. */
function akaBehind(elements: readonly PackageElement[], start: number): ElementValue<"akaParameter"> {
	for (const element of elements.slice(start + 1)) {
		const aka = contentsOf(element, "akaParameter");
		if (aka) return aka;
		if (["usim", "isim", "csim", "iot"].includes(element.kind)) break;
	}
	throw new ProfileError("PROFILE_SUBSCRIBER_MISSING", "no PE-AKAParameter follows the PE-USIM");
}

type Authentication = Omit<Subscriber, "iccid" | "imsi">;

function authenticationOf(aka: ElementValue<"akaParameter">, profile: ProfilePackage): Authentication {
	const algorithm = algoParameterOf(aka, profile);
	return {
		algorithm: algorithmName(algorithm.algorithmID),
		algorithmID: algorithm.algorithmID,
		algorithmOptions: algorithm.algorithmOptions,
		key: algorithm.key,
		opc: algorithm.opc,
		rotationConstants: algorithm.rotationConstants ?? new Uint8Array(0),
		xoringConstants: algorithm.xoringConstants ?? new Uint8Array(0),
		numberOfKeccak: algorithm.numberOfKeccak ?? 1,
		sqnOptions: aka.sqnOptions?.[0] ?? 2,
		sqnDelta: aka.sqnDelta ?? new Uint8Array(6),
		sqnAgeLimit: aka.sqnAgeLimit ?? new Uint8Array(6),
		sqnInit: aka.sqnInit ?? [],
	};
}

/** The parameters themselves, or those of the application that a mapping names. */
function algoParameterOf(aka: ElementValue<"akaParameter">, profile: ProfilePackage): AlgoParameter {
	const configuration = aka.algoConfiguration;
	if ("algoParameter" in configuration) return configuration.algoParameter;
	const source = toHex(configuration.mappingParameter.mappingSource);
	const at = profile.elements.findIndex((element) => applicationId(element) === source);
	const mapped = at < 0 ? undefined : akaBehind(profile.elements, at).algoConfiguration;
	if (mapped && "algoParameter" in mapped) return mapped.algoParameter;
	throw new ProfileError(
		"PROFILE_SUBSCRIBER_MISSING",
		`application ${source} has no authentication parameters to share`,
	);
}

/** DF name (AID) of the application that an element creates, in hex. */
export function applicationId(element: PackageElement): string | undefined {
	const files = fileElementOf(element)?.files;
	const adf = files?.get("adf-usim") ?? files?.get("adf-isim") ?? files?.get("adf-csim");
	const descriptor = adf?.find((step) => "fileDescriptor" in step);
	return descriptor && "fileDescriptor" in descriptor && descriptor.fileDescriptor.dfName
		? toHex(descriptor.fileDescriptor.dfName)
		: undefined;
}

function algorithmName(algorithmId: number): SubscriberAlgorithm {
	switch (algorithmId) {
		case AlgorithmIdCode.milenage:
			return "milenage";
		case AlgorithmIdCode.tuak:
			return "tuak";
		case AlgorithmIdCode["usim-test-algorithm"]:
			return "usim-test";
		default:
			throw new ProfileError("PROFILE_SUBSCRIBER_MISSING", `algorithm ${algorithmId} of PE-AKAParameter is unknown`);
	}
}

/** The header has the digits in reading order, unlike EF.ICCID, whose octets are swapped. */
export function headerIccid(octets: Uint8Array): Iccid {
	return Iccid(toHex(octets).replace(/F$/, ""));
}

function imsiOf(usim: PackageElement): string {
	const files = fileElementOf(usim);
	const steps = files?.files.get("ef-imsi");
	const template = files && templateOf(files.templateId);
	if (!steps || !template) throw new ProfileError("PROFILE_SUBSCRIBER_MISSING", "the PE-USIM has no EF.IMSI");
	const image = fileImage("ef-imsi", fileTemplateOf(template, "ef-imsi"), steps.filter(isFileStep));
	return decodeImsi(image.contents);
}

/** True for the steps that describe a file; `doNotCreate` is none. */
export function isFileStep<S extends object>(step: S): step is Extract<S, FileStep> {
	return !("doNotCreate" in step);
}

/**
 * Digits of EF.IMSI (3GPP TS 31.102 §4.2.2): length, then parity and the first digit, then two digits an octet.
 * @throws ProfileError PROFILE_SUBSCRIBER_MISSING
 */
export function decodeImsi(contents: Uint8Array): string {
	const length = contents[0] ?? 0;
	const digits = [...contents.subarray(1, 1 + length)]
		.flatMap((octet) => [octet & 0x0f, octet >> 4])
		.slice(1)
		.filter((digit) => digit !== 0x0f)
		.join("");
	if (length < 1 || length > 8 || !/^\d{6,15}$/.test(digits)) {
		throw new ProfileError("PROFILE_SUBSCRIBER_MISSING", `EF.IMSI holds no IMSI: ${toHex(contents)}`);
	}
	return digits;
}
