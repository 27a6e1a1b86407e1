import type { TestContext } from "vitest";
import {
	type Binding,
	INTERFACES,
	type Interface,
	type OtherTransport,
	OVER_OTHER_TRANSPORTS,
	type Side,
} from "./functions.ts";
import { allSeen, wasSeen } from "./observation.ts";
import { STEPS_OF } from "./procedures.ts";

export type Curve = "P-256" | "brainpoolP256r1";

/** One thing that a test has shown when it passes. */
export interface Claim {
	/** As in `functions.ts`. */
	readonly interface: string;
	readonly function: string;
	readonly side: Side;
	readonly binding: Binding;
	readonly curve: Curve;
	/** The program or the octets, not ours, that stood on the other side or were read. */
	readonly foreign?: string | undefined;
}

declare module "vitest" {
	interface TaskMeta {
		conformance?: Claim[];
	}
}

export interface Claims {
	readonly interface: string;
	/** Names of `functions.ts`. */
	readonly functions: readonly string[];
	/** All sides of the interface when absent. */
	readonly sides?: readonly Side[];
	/** Needed where the interface has more than one. */
	readonly binding?: Binding;
	readonly curve: Curve;
	readonly foreign?: string;
}

/**
 * Says what this test shows when it passes; docs/conformance.md names it then. To be called after what it speaks of was
 * asserted.
 * @throws Error when the name is not in `functions.ts`, or when it was not seen going over its interface in this test
 */
export function shows(context: Pick<TestContext, "task">, claims: Claims): void {
	const row = INTERFACES.find(({ name }) => name === claims.interface);
	if (row === undefined) throw new Error(`test/conformance/functions.ts has no interface "${claims.interface}"`);
	const binding = claims.binding ?? (row.bindings.length === 1 ? row.bindings[0] : undefined);
	if (binding === undefined || !row.bindings.includes(binding)) {
		throw new Error(`${row.name} is spoken in ${row.bindings.join(" or ")}: say which one was`);
	}
	const meta = context.task.meta;
	meta.conformance ??= [];
	for (const name of claims.functions) {
		if (!row.functions.includes(name)) throw new Error(`test/conformance/functions.ts has no "${name}" in ${row.name}`);
		for (const side of claims.sides ?? row.sides) {
			if (!row.sides.includes(side)) throw new Error(`${side} has no part in ${row.name}`);
			mustBeSeen(row, name, side, binding);
			const { curve, foreign } = claims;
			meta.conformance.push({ interface: row.name, function: name, side, binding, curve, foreign });
		}
	}
}

function mustBeSeen(row: Interface, name: string, side: Side, binding: Binding): void {
	if (row.isObserved !== true || wasSeen({ interface: row.name, function: name, binding }, side)) return;
	const what = `${row.name} ${name} ${binding} of ${side}`;
	throw new Error(`this test has not seen ${what}, but only:\n${allSeen().join("\n")}`);
}

/**
 * Says that this test is the one of a procedure of the standard, over a binding and a curve.
 * @throws Error when the test has not the name of one in `procedures.ts`, or a function that it consists of was not seen
 */
export function showsProcedure(
	context: Pick<TestContext, "task">,
	{ binding, curve }: { readonly binding: Binding; readonly curve: Curve },
): void {
	mustHaveSeenSteps(context.task.name, binding);
	shows(context, { interface: "Procedures", functions: [context.task.name], binding, curve });
}

/**
 * Says that this test is one of a procedure over something that carries ESipa in ASN.1 besides HTTPS.
 * @throws Error as `showsProcedure`
 */
export function showsProcedureOver(
	context: Pick<TestContext, "task">,
	{ transport, curve }: { readonly transport: OtherTransport; readonly curve: Curve },
): void {
	mustHaveSeenSteps(context.task.name, "asn1");
	shows(context, { interface: OVER_OTHER_TRANSPORTS, functions: [context.task.name], binding: transport, curve });
}

function mustHaveSeenSteps(procedure: string, binding: Binding): void {
	const steps = STEPS_OF[procedure];
	if (steps === undefined) throw new Error(`test/conformance/procedures.ts has no "${procedure}"`);
	for (const step of steps) {
		const row = INTERFACES.find((one) => one.name === step.interface);
		if (row === undefined) throw new Error(`test/conformance/functions.ts has no interface "${step.interface}"`);
		for (const side of row.sides) mustBeSeen(row, step.function, side, row.bindings.includes(binding) ? binding : "");
	}
}
