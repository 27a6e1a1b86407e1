import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import type { EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";
import { EuiccPackageRequest, EuiccPackageSigned, type Psmo } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { describe, expect, it } from "vitest";
import { packageOutcome } from "./package-outcome.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
const one = Iccid("8900101000000000018");
const two = Iccid("8900101000000000026");
const AT = 5;

function outcome(psmoList: Psmo[], results: EuiccResultData[]) {
	const euiccPackageSigned = keep(EuiccPackageSigned, {
		eimId: "eim",
		eidValue: Eid.toBytes(eid),
		counterValue: 2,
		euiccPackage: { psmoList },
	});
	const bytes = encode(EuiccPackageRequest, { euiccPackageSigned, eimSignature: new Uint8Array(64) });
	return packageOutcome(eid, bytes, results, AT);
}

const enable = (iccid: Iccid): Psmo => ({ enable: { iccid: Iccid.toBytes(iccid) } });
const remove = (iccid: Iccid): Psmo => ({ delete: { iccid: Iccid.toBytes(iccid) } });

describe("results of a package", () => {
	it("belong to the commands in their order", () => {
		expect(outcome([enable(one), remove(two)], [{ enableResult: 0 }, { deleteResult: 0 }])).toEqual({
			event: { kind: "succeeded", at: AT },
			profileChanges: [
				{ kind: "enabled", iccid: one },
				{ kind: "deleted", iccid: two },
			],
			isListNeeded: false,
		});
	});

	it("keep what was done before the first failure", () => {
		const { event, profileChanges } = outcome([enable(one), remove(two)], [{ enableResult: 0 }, { deleteResult: 21 }]);
		expect(event).toMatchObject({ kind: "failed", reason: { code: "delete: returnFallbackProfile(21)" } });
		expect(profileChanges).toEqual([{ kind: "enabled", iccid: one }]);
	});

	it("keep what was done before the processing ended", () => {
		const { event, profileChanges } = outcome(
			[enable(one), remove(two)],
			[{ enableResult: 0 }, { processingTerminated: 1 }],
		);
		expect(event).toMatchObject({ kind: "failed", reason: { code: "processingTerminated: resultSizeOverflow(1)" } });
		expect(profileChanges).toHaveLength(1);
	});

	it("say nothing of a rollback that failed but that the card has to be asked", () => {
		const { event, profileChanges, isListNeeded } = outcome([enable(one)], [{ rollbackResult: 127 }]);
		expect(event).toMatchObject({ kind: "failed", reason: { code: "rollback: undefinedError(127)" } });
		expect(profileChanges).toEqual([]);
		expect(isListNeeded).toBe(true);
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
	it.each(unexpected)("are no success with %s", (_, results) => {
		expect(outcome([enable(one), remove(two)], results).event.kind).toBe("failed");
	});
});
