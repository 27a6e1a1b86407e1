import type { TestContext } from "vitest";
import { describe, it } from "vitest";
import { type Claims, type Curve, shows, showsProcedure, showsProcedureOver } from "../conformance/claim.ts";
import { INTERFACES } from "../conformance/functions.ts";
import { BINDINGS_AND_CURVES, type Binding, type Transport, withTransport } from "./esipa-face-client.ts";

export interface Where {
	/** Of ESipa. */
	readonly binding: Binding;
	/** Of every key. */
	readonly curve: Curve;
	/** Says what else the test shows, over this binding and curve. */
	readonly shows: (claims: Omit<Claims, "binding" | "curve">) => void;
}

/** What carries the ASN.1 binding besides HTTPS, and on which curves it is tried; the rest of docs/conformance.md speaks of HTTPS. */
let further: readonly (readonly [Exclude<Transport, "https">, Curve])[] = [
	["coap", "P-256"],
	["mqtt", "P-256"],
];

/** Tries the procedures that are declared from now on over these transports alone. */
export function overTransports(...given: typeof further): void {
	further = given;
	isOverHttps = false;
}
let isOverHttps = true;

/**
 * The test of a procedure of the standard, over both bindings of ESipa and both curves, and over CoAP and MQTT.
 * @param name as in `test/conformance/procedures.ts`
 */
export function procedure(name: string, test: (where: Where, context: TestContext) => Promise<void>): void {
	describe.each(further)("ESipa over %s on %s", (transport, curve) => {
		it(name, (context) =>
			withTransport(transport, async () => {
				const binding = "asn1";
				const { task } = context;
				await test(
					{
						binding,
						curve,
						shows: (claims) => shows(context, { ...claims, ...(isOfBoth(claims.interface) ? { binding } : {}), curve }),
					},
					context,
				);
				delete task.meta.conformance;
				showsProcedureOver(context, { transport, curve });
			}),
		);
	});
	if (!isOverHttps) return;
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
