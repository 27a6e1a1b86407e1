/** Power cuts after every single APDU of every procedure. */

import { describe, expect, it } from "vitest";
import { OTHER_FLOWS, PACKAGE_FLOWS } from "./mishap-flows.ts";
import { powerCutWhen } from "./mishap-kinds.ts";
import { Scene } from "./mishap-scene.ts";
import { FORMS } from "./play-mishaps.ts";

const LAST_MOMENT = 500;

describe("a power cut after the n-th APDU, for every n", () => {
	it.each([...PACKAGE_FLOWS, ...OTHER_FLOWS].map((flow, index) => [flow.procedure, flow, index] as const))(
		"%s",
		async (_, flow, index) => {
			let moment = 0;
			for (; moment < LAST_MOMENT; moment++) {
				const where = FORMS[(index + moment) % FORMS.length] as (typeof FORMS)[number];
				const scene = await Scene.open({ flow, where, mishap: "power cut after any APDU" });
				let apdus = 0;
				const wasCut = await powerCutWhen(scene, () => apdus++ === moment).catch((error) => {
					throw new Error(`moment ${moment}\n${scene.log()}`, { cause: error });
				});
				await scene.close();
				if (!wasCut) break;
			}
			expect(moment).toBeGreaterThan(2);
			expect(moment).toBeLessThan(LAST_MOMENT);
		},
	);
});
