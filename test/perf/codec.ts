import { readdirSync, readFileSync } from "node:fs";
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

const BOUND_PROFILE_PACKAGE = new URL("../vectors/onomondo-ipa/bound-profile-package.ber", import.meta.url);
`${readdirSync}`;

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
