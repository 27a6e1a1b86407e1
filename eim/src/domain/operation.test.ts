import { Eid } from "@iot-esim/shared/ids/eid";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	isFinal,
	nextOperation,
	OPERATION_STATES,
	type Operation,
	type OperationEvent,
	type OperationState,
} from "./operation.ts";

const operation = (state: OperationState): Operation => ({
	type: "listProfiles",
	parameters: {},
	id: "op",
	eid: Eid.withCheckDigits("890490320000000000000000000001"),
	tenantId: "default",
	origin: "operator",
	state,
	createdAt: 1,
	updatedAt: 1,
	expiresAt: 100,
	...(isFinal(state) ? { finishedAt: 1 } : {}),
});

const reason = { text: "because", code: "x(1)" };
const event: Readonly<Record<OperationEvent["kind"], OperationEvent>> = {
	packageStored: { kind: "packageStored", at: 5 },
	resultKept: { kind: "resultKept", at: 5, reason },
	resultRejected: { kind: "resultRejected", at: 5, reason },
	succeeded: { kind: "succeeded", at: 5, outcome: { iccid: "89" } },
	failed: { kind: "failed", at: 5, reason },
	rolledBack: { kind: "rolledBack", at: 5, reason },
	packageRefused: { kind: "packageRefused", at: 5, reason },
	packageDropped: { kind: "packageDropped", at: 5, reason },
	expired: { kind: "expired", at: 5 },
	cancelled: { kind: "cancelled", at: 5 },
};
const kinds = Object.keys(event) as OperationEvent["kind"][];

const stateAfter = (state: OperationState, kind: OperationEvent["kind"]) => {
	const next = nextOperation(operation(state), event[kind]);
	return next instanceof Error ? next.code : next.state;
};

describe("an operation", () => {
	it("goes from queued over sent to its end, with the time of each step", () => {
		const sent = nextOperation(operation("queued"), { kind: "packageStored", at: 10 });
		if (sent instanceof Error) throw sent;
		expect(sent).toMatchObject({ state: "sent", sentAt: 10, updatedAt: 10 });
		const done = nextOperation(sent, { kind: "succeeded", at: 20, outcome: { iccid: "89" } });
		expect(done).toMatchObject({ state: "succeeded", sentAt: 10, finishedAt: 20, outcome: { iccid: "89" } });
	});

	it("waits with a result that cannot be verified yet, and is sent again when that was not the device's", () => {
		expect(stateAfter("sent", "resultKept")).toBe("awaiting-verification");
		expect(stateAfter("awaiting-verification", "succeeded")).toBe("succeeded");
		expect(stateAfter("awaiting-verification", "resultRejected")).toBe("sent");
		expect(stateAfter("queued", "resultKept")).toBe("OPERATION_TRANSITION_ILLEGAL");
	});

	it("is cancelled only as long as no device has been given it", () => {
		expect(stateAfter("queued", "cancelled")).toBe("cancelled");
		expect(stateAfter("sent", "cancelled")).toBe("OPERATION_ALREADY_SENT");
		expect(stateAfter("awaiting-verification", "cancelled")).toBe("OPERATION_ALREADY_SENT");
		expect(stateAfter("succeeded", "cancelled")).toBe("OPERATION_TRANSITION_ILLEGAL");
	});

	it("takes the eUICC's word after its expiry, and a rollback after its success", () => {
		expect(stateAfter("expired", "succeeded")).toBe("succeeded");
		expect(stateAfter("expired", "failed")).toBe("failed");
		expect(stateAfter("succeeded", "rolledBack")).toBe("rolled-back");
	});

	it("takes the eUICC's word also for a package that was given up, and after a failure that nobody signed", () => {
		for (const state of ["queued", "failed", "cancelled"] as const) {
			expect(stateAfter(state, "succeeded")).toBe("succeeded");
			expect(stateAfter(state, "rolledBack")).toBe("rolled-back");
		}
		expect(stateAfter("rolled-back", "succeeded")).toBe("OPERATION_TRANSITION_ILLEGAL");
	});

	it("only notes a refusal that nobody signed", () => {
		expect(nextOperation(operation("sent"), event.packageRefused)).toMatchObject({ state: "sent", reason });
		for (const state of ["queued", "awaiting-verification", "succeeded"] as const) {
			expect(stateAfter(state, "packageRefused")).toBe("OPERATION_TRANSITION_ILLEGAL");
		}
	});

	it("keeps the first time of sending when its package had to be made anew", () => {
		const again = nextOperation({ ...operation("queued"), sentAt: 3 }, { kind: "packageStored", at: 9 });
		expect(again).toMatchObject({ state: "sent", sentAt: 3 });
	});

	it("forgets the reason of a state that it has left", () => {
		const sent = nextOperation({ ...operation("awaiting-verification"), reason }, { kind: "succeeded", at: 9 });
		expect(sent).not.toHaveProperty("reason");
	});

	it("never leaves rolled-back, and never falls back from an end to waiting", () => {
		for (const kind of kinds) {
			expect(["rolled-back", "OPERATION_TRANSITION_ILLEGAL"]).toContain(stateAfter("rolled-back", kind));
			for (const state of ["cancelled", "failed", "succeeded"] as const) {
				expect(["queued", "sent", "awaiting-verification"]).not.toContain(stateAfter(state, kind));
			}
		}
	});

	it("is not changed by any event that comes a second time in a row", () => {
		fc.assert(
			fc.property(fc.constantFrom(...OPERATION_STATES), fc.constantFrom(...kinds), (state, kind) => {
				const once = nextOperation(operation(state), event[kind]);
				if (once instanceof Error) return;
				expect(nextOperation(once, { ...event[kind], at: 99 })).toBe(once);
			}),
		);
	});

	it("has a finishing time exactly when it is over, whatever happened to it", () => {
		fc.assert(
			fc.property(fc.array(fc.constantFrom(...kinds), { maxLength: 12 }), (story) => {
				let current = operation("queued");
				for (const kind of story) {
					const next = nextOperation(current, event[kind]);
					if (!(next instanceof Error)) current = next;
				}
				// A late word of the eUICC may move a finished operation, but only to another end.
				expect(current.finishedAt !== undefined).toBe(isFinal(current.state));
			}),
		);
	});
});
