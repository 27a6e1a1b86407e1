import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { decode, encode, keep, type Schema } from "@iot-esim/shared/asn1/schema";
import { BoundProfilePackage } from "@iot-esim/shared/messages/sgp22/bound-profile-package";
import { EuiccPackageResult, EuiccPackageResultDataSigned } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import type { ProfileInfo } from "@iot-esim/shared/messages/sgp32/profile-info";
import { hex } from "@iot-esim/shared/util/bytes";
import { fromBER } from "asn1js";
import { readByAsn1js } from "../support/asn1js-reader.ts";
import { type BenchReport, figure } from "./bench.ts";

/** How many times faster than asn1js the full typed decode has to be. */
const TARGET = 12;
const ROUNDS = 3;
const MILLISECONDS = 700;

/** A Bound Profile Package that osmo-smdpp made of a TS.48 profile. */
const BOUND_PROFILE_PACKAGE = "vectors/onomondo-ipa/bound-profile-package.ber";

/** A file below `test`, from the sources and from the build. */
function testFile(path: string): Uint8Array {
	for (const up of ["../", "../../", "../../../test/"]) {
		const url = new URL(up + path, import.meta.url);
		if (existsSync(url)) return new Uint8Array(readFileSync(url));
	}
	throw new Error(`test/${path} is not there`);
}

/** Calls a second, over whole batches so that the clock costs nothing. */
function rate(run: () => unknown): number {
	const end = performance.now() + MILLISECONDS;
	const start = performance.now();
	let calls = 0;
	let now = start;
	while (now < end) {
		for (let i = 0; i < 50; i++) run();
		calls += 50;
		now = performance.now();
	}
	return (calls * 1000) / (now - start);
}

function profile(number: number): ProfileInfo {
	return {
		iccid: Uint8Array.from([0x98, 0x00, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, number]),
		isdpAid: Uint8Array.from([...hex`A0000005591010FFFFFFFF890000`, 0x10, number]),
		profileState: number === 1 ? 1 : 0,
		profileNickname: `meter ${number}`,
		serviceProviderName: "Operator of the field",
		profileName: `IoT profile ${number}`,
		profileClass: 2,
		notificationConfigurationInfo: [
			{ profileManagementOperation: "1111", notificationAddress: "smdp.operator.example" },
			{ profileManagementOperation: "01", notificationAddress: "smdp.second.example" },
		],
		profileOwner: { mccMnc: hex`62F210`, gid1: hex`0A0B` },
		profilePolicyRules: "01",
		fallbackAttribute: number === 2,
		fallbackAllowed: true,
	};
}

/** A signed result with the answer to listProfileInfo, as a device with three profiles sends it. */
function sample(): Uint8Array {
	const data = keep(EuiccPackageResultDataSigned, {
		eimId: "eim.operator.example",
		counterValue: 70_000,
		eimTransactionId: hex`000102030405060708090A0B0C0D0E0F`,
		seqNumber: 300,
		euiccResult: [{ listProfileInfoResult: { profileInfoListOk: [profile(1), profile(2), profile(3)] } }],
	});
	const euiccSignEPR = new Uint8Array(64).fill(0x5a);
	return encode(EuiccPackageResult, {
		euiccPackageResultSigned: { euiccPackageResultDataSigned: data, euiccSignEPR },
	});
}

/** @throws Error when our decoder and asn1js do not read the very same value */
function checkEqual(schema: Schema<unknown>, bytes: Uint8Array): void {
	const own = decode(schema, bytes);
	const foreign = readByAsn1js(schema, bytes);
	if (!isDeepStrictEqual(own, foreign)) throw new Error(`${schema.typeName}: asn1js reads another value`);
}

interface Rates {
	readonly own: number;
	readonly asn1js: number;
}

function measure(schema: Schema<unknown>, bytes: Uint8Array): Rates {
	checkEqual(schema, bytes);
	const whole = bytes.slice();
	let best: Rates = { own: 0, asn1js: Number.POSITIVE_INFINITY };
	// The two alternate, and the best pair of a round counts: a noisy machine then troubles both alike.
	for (let round = 0; round < ROUNDS; round++) {
		const next = { own: rate(() => decode(schema, whole)), asn1js: rate(() => fromBER(whole)) };
		if (next.own / next.asn1js > best.own / best.asn1js) best = next;
	}
	return best;
}

/**
 * Full typed decode of a signed EuiccPackageResult with three profiles, every field and constraint included, beside
 * asn1js, which only parses the same octets. The same for a Bound Profile Package, as a figure.
 */
export async function codec(): Promise<BenchReport> {
	const result = sample();
	const bpp = testFile(BOUND_PROFILE_PACKAGE);
	const ofResult = measure(EuiccPackageResult, result);
	const ofPackage = measure(BoundProfilePackage, bpp);
	const value = decode(EuiccPackageResult, result);
	return {
		name: "codec",
		ratio: figure(ofResult.own / ofResult.asn1js),
		target: TARGET,
		figures: {
			"EuiccPackageResult octets": result.length,
			"EuiccPackageResult decodes/s": Math.round(ofResult.own),
			"EuiccPackageResult asn1js/s": Math.round(ofResult.asn1js),
			"EuiccPackageResult encodes/s": Math.round(rate(() => encode(EuiccPackageResult, value))),
			"BoundProfilePackage octets": bpp.length,
			"BoundProfilePackage decodes/s": Math.round(ofPackage.own),
			"BoundProfilePackage asn1js/s": Math.round(ofPackage.asn1js),
			"BoundProfilePackage ratio": figure(ofPackage.own / ofPackage.asn1js),
		},
	};
}
