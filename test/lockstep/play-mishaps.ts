import { describe, it, onTestFailed } from "vitest";
import { BINDINGS_AND_CURVES } from "../support/esipa-face-client.ts";
import { OTHER_FLOWS, PACKAGE_FLOWS } from "./mishap-flows.ts";
import { MISHAPS, type Mishap } from "./mishap-kinds.ts";
import { type Flow, Scene, type Where } from "./mishap-scene.ts";

/** A mishap of a procedure, as one cell of the table in README.md. */
export interface Cell {
	readonly flow: Flow;
	readonly mishap: Mishap;
	/** The one form and curve that `npm test` plays it over; the long tests play it over all four. */
	readonly where: Where;
}

export const FORMS: readonly Where[] = BINDINGS_AND_CURVES.map(([binding, curve]) => ({ binding, curve }));

/** Whether this mishap can happen in this procedure. */
export const canHappen = (mishap: Mishap, { kind, never }: Flow): boolean =>
	mishap.kinds.includes(kind) && never?.[mishap.name] === undefined;

/** All that can happen; forms and curves take turns. */
export const CELLS: readonly Cell[] = [...PACKAGE_FLOWS, ...OTHER_FLOWS]
	.flatMap((flow) => MISHAPS.filter((mishap) => canHappen(mishap, flow)).map((mishap) => ({ flow, mishap })))
	.map((cell, index) => ({ ...cell, where: FORMS[index % FORMS.length] as Where }));

/** Plays a mishap on a procedure. */
export async function play({ flow, mishap, where }: Cell): Promise<void> {
	const scene = await Scene.open({ flow, mishap: mishap.name, where }, mishap.pki?.(where));
	onTestFailed(() => console.log(scene.log()));
	try {
		await mishap.play(scene);
	} finally {
		await scene.close();
	}
}

/** Procedures of one command each, which take the same way as 3.4.1 from the order to the result. */
const PLAIN: ReadonlySet<string> = new Set([
	"3.4.2 Disable Profile",
	"3.4.3 Delete Profile",
	"5.13.4 List Profile Information",
	"Get RAT (PSMO)",
	"5.13.6 Configure Immediate Enabling",
	"3.4.6 Set Fallback Attribute",
	"Unset Fallback Attribute (PSMO)",
	"Set Default SM-DP+ Address (PSMO)",
	"Add eIM (eCO)",
	"Update eIM (eCO)",
	"Delete eIM (eCO)",
	"List eIM (eCO)",
]);

/** What `npm test` has time for: all, but of the plain commands each mishap with every third. */
export const IN_FIRST_TIER: readonly Cell[] = CELLS.filter(
	({ flow }, index) => !PLAIN.has(flow.procedure) || index % 3 === 0,
);

/** One test for each of these cells, named after procedure and mishap. */
export function playMishaps(cells: readonly Cell[]): void {
	describe.each([...new Set(cells.map(({ flow }) => flow.procedure))])("%s", (procedure) => {
		const own = cells.filter(({ flow }) => flow.procedure === procedure);
		it.each(own.map((cell) => [cell.mishap.name, cell.where.binding, cell.where.curve, cell] as const))(
			"%s, over %s on %s",
			(_name, _binding, _curve, cell) => play(cell),
		);
	});
}
