/**
 * Programs that are not part of this project. A test that needs one says aloud when it is absent; where
 * CI_REQUIRE_EXTERNALS=1 is set, absence is a failure instead, but for the few that only a person can bring.
 */

/** Programs that no package registry has; docs/interop.md says of each what stands for it in CI. */
export const BY_HAND = {
	"osmo-smdpp": "git clone https://github.com/osmocom/pysim, OSMO_SMDPP=<its folder>, PYTHONPATH",
	"onomondo-ipa": "https://github.com/onomondo/onomondo-ipa, ONOMONDO_IPA=<its built ipa>, root, pcscd, vpcd",
	"onomondo-eim": "https://github.com/onomondo/onomondo-eim, ONOMONDO_EIM=<its built folder>, ERL_LIBS",
	"the IPA of akhawanda/eUICC": "https://github.com/akhawanda/eUICC, IPA_SIMULATOR=<its folder ipa-simulator>",
	"Eclipse Wakaama": "docs/operations/lwm2m.md, WAKAAMA_CLIENT=<folder of esipa-client and esipa-client-dtls>",
} as const;

/**
 * What `find` finds of a program that CI does not have, or undefined after saying how it is had. Its absence is no failure, not
 * even under CI_REQUIRE_EXTERNALS=1.
 */
export function externalByHand<T>(name: keyof typeof BY_HAND, find: () => T | undefined): T | undefined {
	const found = find();
	if (found === undefined) console.log(`SKIPPED: ${name} is run by hand only (${BY_HAND[name]}); its tests do not run`);
	return found;
}

/**
 * What `find` finds of the external program, or undefined after saying what is missing.
 * @param name what is missing and how to get it, for example "PostgreSQL (apt-get install postgresql)"
 * @throws Error when it is missing and CI_REQUIRE_EXTERNALS=1
 */
export async function requireExternal<T>(
	name: string,
	find: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
	const found = await find();
	if (found !== undefined) return found;
	if (process.env.CI_REQUIRE_EXTERNALS === "1")
		throw new Error(`${name} is missing, and CI_REQUIRE_EXTERNALS=1 makes that a failure`);
	console.log(`SKIPPED: ${name} is missing; its tests do not run`);
	return undefined;
}
