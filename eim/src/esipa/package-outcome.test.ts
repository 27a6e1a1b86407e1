import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import type { EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";
import { EimConfigurationData } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import {
	type EuiccPackage,
	EuiccPackageRequest,
	EuiccPackageSigned,
} from "@iot-esim/shared/messages/sgp32/euicc-package";
import { toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { type Device, newDevice } from "../domain/device.ts";
import { type EuiccCommand, listOf } from "../domain/euicc-command.ts";
import { keyIdOf } from "../domain/key-id.ts";
import { memoryKey } from "../keys/file-key.ts";
import { writeCommand } from "./euicc-commands.ts";
import { packageOutcome } from "./package-outcome.ts";

const OWN = "eim.example.com";
const eid = Eid.withCheckDigits("890490320000000000000000000001");
const one = Iccid("8900101000000000018");
const two = Iccid("8900101000000000026");
const AT = 5;
const signer = memoryKey(generateKeyPair("P-256").privateKey);
const newDeviceWith = (facts: Partial<Device> = {}): Device => ({ ...newDevice({ eid, at: 1 }), ...facts });

function outcome(commands: EuiccCommand[], results: EuiccResultData[], device = newDeviceWith()) {
	const own = { settings: () => ({ eimId: OWN }), signer };
	const written = commands.map((command) => writeCommand(command, own));
	const isOnEims = commands.some((command) => listOf(command) === "eco");
	const euiccPackageSigned = keep(EuiccPackageSigned, {
		eimId: OWN,
		eidValue: Eid.toBytes(eid),
		counterValue: 2,
		euiccPackage: (isOnEims ? { ecoList: written } : { psmoList: written }) as EuiccPackage,
	});
	const bytes = encode(EuiccPackageRequest, { euiccPackageSigned, eimSignature: new Uint8Array(64) });
	return packageOutcome({ commands, bytes, device, ownEimId: OWN }, results, AT);
}

const enable = (iccid: Iccid): EuiccCommand => ({ type: "enable", parameters: { iccid, rollback: true } });
const remove = (iccid: Iccid): EuiccCommand => ({ type: "delete", parameters: { iccid } });
const setDefault: EuiccCommand = { type: "setDefaultDpAddress", parameters: { smdpAddress: "smdp.example.com" } };
const listEims: EuiccCommand = { type: "listEims", parameters: {} };

describe("results of a package", () => {
	it("belong to the commands in their order", () => {
		expect(outcome([enable(one), remove(two)], [{ enableResult: 0 }, { deleteResult: 0 }])).toEqual({
			event: {
				kind: "succeeded",
				at: AT,
				outcome: {
					commands: [
						{ type: "enable", state: "succeeded" },
						{ type: "delete", state: "succeeded" },
					],
				},
			},
			profileChanges: [
				{ kind: "enabled", iccid: one },
				{ kind: "deleted", iccid: two },
			],
			deviceChange: {},
			questions: [],
		});
	});

	it("keep what was done before the first failure, and nothing was begun after it", () => {
		const commands = [enable(one), remove(two), setDefault];
		const { event, profileChanges, questions } = outcome(commands, [{ enableResult: 0 }, { deleteResult: 21 }]);
		expect(event).toMatchObject({
			kind: "failed",
			reason: { code: "delete: returnFallbackProfile(21)" },
			outcome: { commands: [{ state: "succeeded" }, { state: "failed" }, { state: "notExecuted" }] },
		});
		expect(profileChanges).toEqual([{ kind: "enabled", iccid: one }]);
		expect(questions).toEqual([]);
	});

	it("keep what was done before the processing ended, and leave in doubt what the card does not tell", () => {
		const commands = [enable(one), remove(two), setDefault];
		const { event, profileChanges, questions } = outcome(commands, [{ enableResult: 0 }, { processingTerminated: 3 }]);
		expect(event).toMatchObject({
			kind: "failed",
			reason: { code: "processingTerminated: interruption(3)" },
			outcome: { commands: [{ state: "succeeded" }, { state: "unknown" }, { state: "unknown" }] },
		});
		expect(profileChanges).toHaveLength(1);
		expect(questions.map(({ type }) => type)).toEqual(["listProfiles", "readEuiccData"]);
	});

	it("end at a command that the card cannot read, without any doubt", () => {
		const { event, questions } = outcome(
			[remove(one), remove(two)],
			[{ deleteResult: 0 }, { processingTerminated: 2 }],
		);
		expect(event).toMatchObject({ outcome: { commands: [{ state: "succeeded" }, { state: "failed" }] } });
		expect(questions).toEqual([]);
	});

	it("of a rollback undo the enabling alone, and the card is asked", () => {
		const commands = [setDefault, enable(one)];
		const results = [{ setDefaultDpAddressResult: { setDefaultDpAddressResult: 0 } }, { enableResult: 0 }];
		const read = outcome(commands, [...results, { rollbackResult: 0 }]);
		expect(read.event).toMatchObject({
			kind: "rolledBack",
			outcome: { commands: [{ state: "succeeded" }, { state: "rolledBack" }] },
		});
		expect(read.profileChanges.at(-1)).toEqual({ kind: "disabled", iccid: one });
		expect(read.deviceChange).toEqual({ defaultSmdpAddress: "smdp.example.com" });
		expect(read.questions).toEqual([{ type: "listProfiles", parameters: {} }]);
	});

	it("say nothing of a rollback that failed but that the card has to be asked", () => {
		const { event, profileChanges, questions } = outcome([enable(one)], [{ rollbackResult: 127 }]);
		expect(event).toMatchObject({ kind: "failed", reason: { code: "rollback: undefinedError(127)" } });
		expect(profileChanges).toEqual([]);
		expect(questions).toHaveLength(1);
	});

	it("give a code that the standard does not know as it is", () => {
		expect(outcome([enable(one)], [{ enableResult: 42 }]).event).toMatchObject({
			kind: "failed",
			reason: { code: "enable: unknownCode(42)" },
		});
	});

	const unexpected: readonly (readonly [string, EuiccResultData[]])[] = [
		["fewer results than commands", [{ enableResult: 0 }]],
		["a result to another command", [{ disableResult: 0 }, { deleteResult: 0 }]],
		["results that were not asked for", [{ enableResult: 0 }, { getRATResult: [] }]],
	];
	it.each(unexpected)("are no success with %s, and the card is asked", (_, results) => {
		const { event, questions } = outcome([enable(one), remove(two)], results);
		expect(event.kind).toBe("failed");
		expect(questions).toEqual([{ type: "listProfiles", parameters: {} }]);
	});
});

describe("results of commands on eIMs", () => {
	const other = toHex(
		encode(EimConfigurationData, {
			eimId: "other",
			counterValue: 1,
			eimPublicKeyData: { eimPublicKey: signer.publicKey },
		}),
	);
	const add: EuiccCommand = { type: "addEim", parameters: { eimId: "other", configuration: other } };
	const leave: EuiccCommand = { type: "deleteEim", parameters: { eimId: OWN } };
	const known = newDeviceWith({ cardEims: [{ eimId: OWN, idType: "fqdn" }] });

	it("tell the token that the card chose, and with the own removal the device is released", () => {
		const results = [{ addEimResult: { associationToken: 7 } }, { deleteEimResult: 0 }];
		const { event, deviceChange } = outcome([add, leave], results, known);
		expect(event).toMatchObject({
			kind: "succeeded",
			outcome: {
				commands: [
					{ eimId: "other", associationToken: 7 },
					{ eimId: OWN, state: "succeeded" },
				],
			},
		});
		expect(deviceChange).toEqual({ cardEims: [{ eimId: "other" }], releasedAt: AT });
	});

	it("count lastEimDeleted as the success that it is", () => {
		const { event, deviceChange } = outcome([leave], [{ deleteEimResult: 2 }], known);
		expect(event).toMatchObject({ kind: "succeeded", outcome: { wasLast: true } });
		expect(deviceChange).toEqual({ cardEims: [], releasedAt: AT });
	});

	it("of an own update tell the key that the card knows from then on", () => {
		const update: EuiccCommand = { type: "updateEim", parameters: {} };
		expect(outcome([update], [{ updateEimResult: 0 }]).deviceChange).toEqual({
			signingKeyId: keyIdOf(signer.publicKey),
		});
		expect(outcome([update], [{ updateEimResult: 7 }]).deviceChange).toEqual({});
	});

	it("replace what was known of the eIMs by a list", () => {
		const result = { listEimResult: { eimIdList: [{ eimId: "a", eimIdType: 1 }, { eimId: "b" }] } };
		const { deviceChange } = outcome([listEims], [result], known);
		expect(deviceChange).toEqual({ cardEims: [{ eimId: "a", idType: "oid" }, { eimId: "b" }] });
	});

	it("leave in doubt an addition of which the card says nothing", () => {
		expect(outcome([add], [{ processingTerminated: 1 }], known).questions).toEqual([
			{ type: "listEims", parameters: {} },
		]);
	});
});
