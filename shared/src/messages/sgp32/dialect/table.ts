/**
 * What differs between the versions of SGP.32 on the wire: every difference is a row here and nowhere else. Messages are
 * read and written as version 1.2 has them; a row turns another version's form into that, and back.
 */

import type { Difference } from "./difference.ts";
import { differencesBefore12 } from "./differences-before-1-2.ts";
import { differencesOf13 } from "./differences-of-1-3.ts";
import { SGP32_VERSIONS, type Sgp32Version } from "./version.ts";

export const differences: readonly Difference[] = [...differencesBefore12, ...differencesOf13];

/**
 * A message in whatever version's form in that of version 1.2, as far as its outermost type goes: what is inside stays as
 * it was received.
 */
export function inBaseVersion(type: string, received: Uint8Array): Uint8Array {
	const rows = differences.filter((row) => row.type === type);
	return rows.reduce((octets, { read }) => read?.(octets) ?? octets, received);
}

/**
 * Why a card or an IPA of this version cannot do something, in a sentence for the operator; undefined when it can.
 * @param command the name of a PSMO or eCO (`setFallbackAttribute`), of a reset option or of an ES10b function
 */
export function unsupportedIn(version: Sgp32Version, command: string): string | undefined {
	const row = differences.find((one) => one.versions.includes(version) && one.lacks?.includes(command));
	return row && `SGP.32 v${version}, which this eUICC implements, has no ${command}.`;
}

/** Names of a number of this type that the module of version 1.2 does not have, with the versions that have them. */
export function otherNamesOf(
	type: string,
	code: number,
): readonly { readonly name: string; readonly versions: readonly Sgp32Version[] }[] {
	const named = (codes: Readonly<Record<string, number>> = {}) =>
		Object.keys(codes).filter((name) => codes[name] === code);
	return differences
		.filter((row) => row.type === type)
		.flatMap(({ versions, codes, lacksCodes }) => [
			...named(codes).map((name) => ({ name, versions })),
			...named(lacksCodes).map((name) => ({
				name,
				versions: SGP32_VERSIONS.filter((version) => !versions.includes(version)),
			})),
		]);
}
