import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { valuesOf } from "../../../../test/support/schema-arbitrary.ts";
import { messageVectors } from "../../../../test/support/vectors.ts";
import { Asn1Error, decode, encode, type Schema } from "../../asn1/schema.ts";
import { readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "../../asn1/tlv-reader.ts";
import { tlv } from "../../asn1/tlv-writer.ts";
import { concatBytes, fromHex, hex, toHex } from "../../util/bytes.ts";
import { inventory } from "../inventory.ts";
import { EuiccResultData } from "./command-results.ts";
import { decodeLenient } from "./deviations.ts";
import { tagsOf } from "./dialect/euicc-data-forms.ts";
import { AddInitialEimRequest, EimConfigurationData, GetEimConfigurationDataResponse } from "./eim-configuration.ts";
import { GetCertsResponse, GetConnectivityParametersResponse } from "./es10b-card.ts";
import { ProfileRollbackRequest } from "./es10b-switch.ts";
import { ProvideEimPackageResult, ProvideEimPackageResultResponse } from "./esipa-package.ts";
import { Eco, EuiccPackage, Psmo } from "./euicc-package.ts";
import { EuiccPackageResult } from "./euicc-package-result.ts";
import { IpaEuiccData, IpaEuiccDataResponse } from "./ipa-euicc-data.ts";
import { RetrieveNotificationsListRequest } from "./notifications.ts";
import { ProfileInfoListResponse } from "./profile-info.ts";

const children = (bytes: Uint8Array) => {
	const whole = readWholeTlv(bytes);
	return readTlvs(bytes, whole.valueStart, whole.end);
};
const contents = (bytes: Uint8Array) => tlvValue(bytes, readWholeTlv(bytes));

/** BF51{A0{x}} as BF51{x}. */
const withoutArm = (bytes: Uint8Array) => tlv(readWholeTlv(bytes).tag, contents(contents(bytes)));
/** BF51{A0{x}} as BF51{30{x}}. */
const armAsSequence = (bytes: Uint8Array) => tlv(readWholeTlv(bytes).tag, tlv(0x30, contents(contents(bytes))));

/** Every form below means the value that the strict form means. */
function expectSame<T>(schema: Schema<T>, strict: Uint8Array, deviating: Uint8Array): void {
	const value = decode(schema, strict);
	const lenient = decodeLenient(schema, deviating);
	expect(lenient.value).toEqual(value);
	expect(lenient.deviations.length).toBeGreaterThan(0);
	expect(toHex(encode(schema, lenient.value))).toBe(toHex(strict));
}

/** Codes of more than one octet and tags that no version names, which stand for other things in version 1.0. */
function isOfNoVersion(value: unknown): boolean {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
	return Object.entries(value).some(([name, inner]) => {
		if (name === "profileDownloadErrorReason" || name === "stateChangeCause") return inner < -128 || inner > 127;
		if (name === "tagList") return tagsOf(inner).some((tag) => [0x80, 0x88, 0xbf2b].includes(tag));
		return isOfNoVersion(inner);
	});
}

describe("what keeps to the module", () => {
	for (const { name, schema } of inventory.filter((entry) => entry.module === "SGP32Definitions")) {
		it(`${name}: is read as by decode, and no deviation is noted`, () => {
			fc.assert(
				fc.property(valuesOf(schema), (value) => {
					fc.pre(!isOfNoVersion(value));
					const lenient = decodeLenient(schema, encode(schema, value));
					expect(lenient).toStrictEqual({ value, deviations: [] });
				}),
				{ numRuns: 6, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true },
			);
		});
	}

	it("is read alike in every vector of an SGP.32 message", () => {
		const types = new Set(inventory.filter((e) => e.module === "SGP32Definitions").map((e) => e.schema));
		const isSound = ({ deviates, isHabit }: { deviates: boolean; isHabit: boolean }) => !deviates && !isHabit;
		const vectors = messageVectors().filter((vector) => types.has(vector.schema) && isSound(vector));
		expect(vectors.length).toBeGreaterThan(100);
		for (const { name, schema, bytes } of vectors) {
			expect(decodeLenient(schema, bytes), name).toEqual({ value: decode(schema, bytes), deviations: [] });
		}
	});
});

describe("results without the arm of their CHOICE", () => {
	it("EuiccPackageResult: bare members and a bare SEQUENCE mean the same", () => {
		fc.assert(
			fc.property(valuesOf(EuiccPackageResult), (value) => {
				const strict = encode(EuiccPackageResult, value as EuiccPackageResult);
				expectSame(EuiccPackageResult, strict, withoutArm(strict));
				expectSame(EuiccPackageResult, strict, armAsSequence(strict));
				const arm = readTlvs(contents(strict))[0]?.tag ?? 0;
				expectSame(EuiccPackageResult, strict, tlv(0xbf51, tlv(arm, tlv(0x30, contents(contents(strict))))));
			}),
			{ numRuns: 60 },
		);
	});

	it("the known answer of openiotrsp is a signed result", () => {
		const vector = messageVectors().find((candidate) => candidate.name.includes("without the CHOICE arm"));
		const { value, deviations } = decodeLenient(EuiccPackageResult, vector?.bytes ?? new Uint8Array());
		if (!("euiccPackageResultSigned" in value)) throw new Error("another arm was read");
		const { euiccPackageResultDataSigned: data, euiccSignEPR } = value.euiccPackageResultSigned;
		expect(data.value).toEqual({
			eimId: "testeim1",
			counterValue: 1,
			seqNumber: 1,
			euiccResult: [{ enableResult: 0 }],
		});
		expect(toHex(data.der)).toBe("301580087465737465696D318101018301013003830100");
		expect(toHex(euiccSignEPR)).toBe("3003020102");
		expect(deviations).toEqual(["EuiccPackageResult"]);
	});

	it("ProfileInfoListResponse: bare elements, a SEQUENCE, a universal INTEGER", () => {
		fc.assert(
			fc.property(valuesOf(ProfileInfoListResponse), (value) => {
				const strict = encode(ProfileInfoListResponse, value as ProfileInfoListResponse);
				const [arm] = children(strict);
				if (arm?.tag === 0x81) {
					expectSame(ProfileInfoListResponse, strict, tlv(0xbf2d, tlv(0x02, tlvValue(strict, arm))));
				} else {
					expectSame(ProfileInfoListResponse, strict, withoutArm(strict));
					expectSame(ProfileInfoListResponse, strict, armAsSequence(strict));
				}
			}),
			{ numRuns: 60 },
		);
	});

	it("a list inside signed data is read, and the signed octets stay as received", () => {
		const data = hex`3017 800165 810105 830105 300C BF2D09 E307 9F700101 950102`;
		const bytes = tlv(0xbf51, tlv(0xa0, data, hex`5F3701AA`));
		expect(() => decode(EuiccPackageResult, bytes)).toThrow(Asn1Error);
		const { value, deviations } = decodeLenient(EuiccPackageResult, bytes);
		if (!("euiccPackageResultSigned" in value)) throw new Error("another arm was read");
		const kept = value.euiccPackageResultSigned.euiccPackageResultDataSigned;
		expect(kept.value.euiccResult).toEqual([
			{
				listProfileInfoResult: { profileInfoListOk: [{ profileState: 1, profileClass: 2, fallbackAttribute: false }] },
			},
		]);
		expect(toHex(kept.der)).toBe(toHex(data));
		expect(deviations).toEqual(["ProfileInfoListResponse"]);
		expect(toHex(encode(EuiccPackageResult, value))).toBe(toHex(bytes));
	});

	it.each([
		["AB083006800161820102", "AB0AA0083006800161820102"],
		["AB0A30083006800161820102", "AB0AA0083006800161820102"],
		["AB00", "AB02A000"],
		["AB0302017F", "AB0381017F"],
		["BF6503020100", "BF6503800100"],
	])("%s means %s", (deviating, strict) => {
		expectSame(EuiccResultData, fromHex(strict), fromHex(deviating));
	});

	/** A lone A0 could be the arm, a lone 81 the error of version 1.0: the contents decide, as far as they can. */
	function isAmbiguous(bytes: Uint8Array, member: Tlv): boolean {
		if (member.tag === 0x81) return member.end - member.valueStart === 1;
		const first = member.tag === 0xa0 ? children(tlvBytes(bytes, member))[0]?.tag : 0x30;
		return first !== 0x30 && first !== 0xbf37;
	}

	it("IpaEuiccDataResponse: bare members, a SEQUENCE, errors of version 1.0", () => {
		fc.assert(
			fc.property(valuesOf(IpaEuiccData), (value) => {
				const strict = encode(IpaEuiccDataResponse, { ipaEuiccData: value as IpaEuiccData });
				const members = children(contents(strict));
				if (members.length === 1 && isAmbiguous(contents(strict), members[0] as Tlv)) return;
				expectSame(IpaEuiccDataResponse, strict, withoutArm(strict));
				if (members.length > 0) expectSame(IpaEuiccDataResponse, strict, armAsSequence(strict));
			}),
			{ numRuns: 60 },
		);
		expectSame(IpaEuiccDataResponse, hex`BF5205A103020101`, hex`BF5203810101`);
		expectSame(IpaEuiccDataResponse, hex`BF5205A103020101`, hex`BF5203020101`);
		expectSame(IpaEuiccDataResponse, hex`BF5208A106800155020101`, hex`BF5206800155020101`);
	});

	it("bare data with one certificate, as a bare A6 with its own 30 inside", () => {
		const certificate = hex`3009 3000 3000 0303 000102`;
		expectSame(
			IpaEuiccDataResponse,
			tlv(0xbf52, tlv(0xa0, tlv(0xa6, contents(certificate)))),
			tlv(0xbf52, tlv(0xa6, certificate)),
		);
		const certs = (...members: Uint8Array[]) => tlv(0xbf56, tlv(0xa0, tlv(0xa5, ...members), tlv(0xa6, ...members)));
		expectSame(GetCertsResponse, certs(contents(certificate)), certs(certificate));
	});
});

describe("keys and certificates of an eIM", () => {
	const key = hex`301B 3013 06072A8648CE3D0201 06082A8648CE3D030107 0304 00040102`;
	const certificate = hex`3009 3000 3000 0303 000102`;
	const arms = { key: { tag: 0xa0, whole: key }, certificate: { tag: 0xa1, whole: certificate } } as const;
	const configuration = (...members: Uint8Array[]) => concatBytes(hex`800165 84 01 FF`, ...members);
	const forms = (tag: number, { tag: arm, whole }: { readonly tag: number; readonly whole: Uint8Array }) => ({
		strict: tlv(tag, tlv(arm, contents(whole))),
		nested: tlv(tag, tlv(arm, whole)),
		bare: tlv(tag, whole),
	});

	it.each([
		[0xa5, "key", "nested"],
		[0xa5, "key", "bare"],
		[0xa5, "certificate", "nested"],
		[0xa5, "certificate", "bare"],
		[0xa6, "key", "nested"],
		[0xa6, "key", "bare"],
		[0xa6, "certificate", "nested"],
		[0xa6, "certificate", "bare"],
	] as const)("under %d, a %s in the %s form means the strict form", (tag, material, form) => {
		const made = forms(tag, arms[material]);
		const [strict, deviating] = [configuration(made.strict), configuration(made[form])];
		expectSame(EimConfigurationData, tlv(0x30, strict), tlv(0x30, deviating));
		const list = (entry: Uint8Array) => tlv(0xa0, tlv(0x30, entry));
		expectSame(AddInitialEimRequest, tlv(0xbf57, list(strict)), tlv(0xbf57, list(deviating)));
		expectSame(GetEimConfigurationDataResponse, tlv(0xbf55, list(strict)), tlv(0xbf55, list(deviating)));
		expectSame(Eco, tlv(0xa8, strict), tlv(0xa8, deviating));
		expectSame(EuiccPackage, tlv(0xa1, tlv(0xaa, strict)), tlv(0xa1, tlv(0xaa, deviating)));
	});

	it("are written in the strict form only", () => {
		const nested = tlv(0x30, configuration(forms(0xa5, arms.key).nested));
		const { value } = decodeLenient(EimConfigurationData, nested);
		expect(value.eimPublicKeyData).toEqual({ eimPublicKey: key });
		expect(toHex(encode(EimConfigurationData, value))).toContain(toHex(forms(0xa5, arms.key).strict));
	});
});

describe("errors and flags", () => {
	it.each([
		["80 05 30 03 02 01 7F", "A0 03 02 01 7F"],
		["80 01 7F", "A0 03 02 01 7F"],
		["02 01 02", "A0 03 02 01 02"],
	])("ProvideEimPackageResult with %s means %s", (deviating, strict) => {
		const eid = hex`5A10 89049032123451234512345678901235`;
		expectSame(ProvideEimPackageResult, tlv(0xbf50, fromHex(strict)), tlv(0xbf50, fromHex(deviating)));
		expectSame(ProvideEimPackageResult, tlv(0xbf50, eid, fromHex(strict)), tlv(0xbf50, eid, fromHex(deviating)));
	});

	it("notifications under BF2B, as version 1.0 sends them", () => {
		const result = hex`BF5108 A206 800165 840101`;
		const strict = tlv(0xbf50, tlv(0x30, result, hex`A000`));
		expectSame(ProvideEimPackageResult, strict, tlv(0xbf50, tlv(0x30, result, hex`BF2B02A000`)));
		expectSame(ProvideEimPackageResult, strict, tlv(0xbf50, tlv(0x30, result, hex`BF2B00`)));
	});

	it("the result inside is kept as received and can be read again", () => {
		const bare = hex`BF5106 800165 840101`;
		const { value, deviations } = decodeLenient(ProvideEimPackageResult, tlv(0xbf50, bare));
		if (!("euiccPackageResult" in value.eimPackageResult)) throw new Error("another arm was read");
		const kept = value.eimPackageResult.euiccPackageResult;
		expect(toHex(kept.der)).toBe(toHex(bare));
		expect(kept.value).toEqual({ euiccPackageErrorUnsigned: { eimId: "e", associationToken: 1 } });
		expect(decodeLenient(EuiccPackageResult, kept.der).value).toEqual(kept.value);
		expect(deviations).toEqual(["EuiccPackageResult"]);
	});

	it("an empty answer, a number without A0, flags under other tags", () => {
		expectSame(ProvideEimPackageResultResponse, hex`BF50023000`, hex`BF5000`);
		expectSame(RetrieveNotificationsListRequest, hex`BF2B05A003800105`, hex`BF2B03800105`);
		expectSame(ProfileRollbackRequest, hex`BF58038001FF`, hex`BF58030101FF`);
		expectSame(GetConnectivityParametersResponse, hex`BF5F03810101`, hex`BF5F03800101`);
		expectSame(Psmo, hex`A30E5A0A980010325476981032140500`, hex`A30E5A0A980010325476981032148100`);
		expectSame(Psmo, hex`BF6503800161`, hex`BF65030C0161`);
	});
});

describe("octets that fit no form", () => {
	it("end in nothing but typed errors, at whatever place they are damaged", () => {
		const type = inventory.filter((e) => e.module === "SGP32Definitions").map((e) => e.schema);
		for (const { name, schema, bytes } of messageVectors().filter((vector) => type.includes(vector.schema))) {
			const changed = bytes.slice();
			for (let at = 0; at < bytes.length; at += Math.max(1, Math.floor(bytes.length / 40))) {
				for (const bit of [0x01, 0x20, 0x80]) {
					changed[at] = (bytes[at] as number) ^ bit;
					try {
						decodeLenient(schema, changed);
						decodeLenient(schema, changed.subarray(0, at));
					} catch (error) {
						expect(error, `${name}, octet ${at}`).toBeInstanceOf(Asn1Error);
					}
				}
				changed[at] = bytes[at] as number;
			}
		}
	});
});
