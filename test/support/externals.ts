/**
 * Programs that are not part of this project. A test that needs one says aloud when it is absent; where
 * CI_REQUIRE_EXTERNALS=1 is set, absence is a failure instead.
 */

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
