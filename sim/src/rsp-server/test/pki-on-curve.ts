import type { Curve } from "@iot-esim/shared/crypto/curve";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { makeTestPki, type TestPki } from "../../pki/test-pki.ts";

const pkis = new Map<Curve, TestPki>();

/** One PKI a curve for all tests of a file: keys take time. */
export function testPki(curve: Curve): TestPki {
	const known = pkis.get(curve);
	if (known) return known;
	const pki = makeTestPki({ curve, random: systemRandom, now: Date.parse("2026-11-22T08:00:00Z") });
	pkis.set(curve, pki);
	return pki;
}
