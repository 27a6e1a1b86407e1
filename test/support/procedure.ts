import type { TestContext } from "vitest";
import { describe, it } from "vitest";
import { type Claims, type Curve, shows, showsProcedure } from "../conformance/claim.ts";
import { INTERFACES } from "../conformance/functions.ts";
import { BINDINGS_AND_CURVES, type Binding } from "./esipa-face-client.ts";

export interface Where {
	/** Of ESipa. */
	readonly binding: Binding;
	/** Of every key. */
	readonly curve: Curve;
	/** Says what else the test shows, over this binding and curve. */
	readonly shows: (claims: Omit<Claims, "binding" | "curve">) => void;
}

/**
 * The test of a procedure of the standard, over both bindings of ESipa and both curves.
 * @param name as in `test/conformance/procedures.ts`
 */
export function procedure(name: string, test: (where: Where, context: TestContext) => Promise<void>): void {
	describe.each(BINDINGS_AND_CURVES)("ESipa in %s on %s", (binding, curve) => {
		it(name, async (context) => {
			const where: Where = {
				binding,
				curve,
				shows: (claims) => shows(context, { ...claims, ...(isOfBoth(claims.interface) ? { binding } : {}), curve }),
			};
			await test(where, context);
			showsProcedure(context, where);
		});
	});
}

function isOfBoth(name: string): boolean {
	return (INTERFACES.find((one) => one.name === name)?.bindings.length ?? 0) > 1;
}
