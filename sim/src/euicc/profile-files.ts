import type { Command } from "./apdu/command.ts";
import type { Answer } from "./apdu/status.ts";
import type { Euicc } from "./euicc.ts";
import { profilePrefix } from "./state/profiles.ts";

/** The files and applications of one profile as one logical channel sees them: a current file, a verified PIN. */
export interface FileSession {
	/** Any command that is not the card's own: SELECT, READ BINARY, VERIFY PIN, AUTHENTICATE, STATUS ... */
	transmit(command: Command): Answer;
}

/** The files of an installed profile. Changes reach the non-volatile memory with the APDU that makes them. */
export interface ProfileFiles {
	openSession(): FileSession;
}

/** Non-volatile memory of one profile alone. */
export interface ProfileStorage {
	get(key: string): Uint8Array | undefined;
	put(key: string, value: Uint8Array): void;
}

/** Builds and opens the file systems of profiles. */
export interface ProfileFileSystems {
	/**
	 * Builds the files of an unprotected profile package.
	 * @returns undefined, or the EUICCResponse (TCA profile package) that tells why not; what was stored is then void
	 */
	install(unprotectedProfilePackage: Uint8Array, storage: ProfileStorage): Uint8Array | undefined;
	open(storage: ProfileStorage): ProfileFiles;
}

/**
 * The memory of one installed profile. A terminal may go on with the files of a profile that a package has deleted until
 * it answers the REFRESH; what it writes then is for nothing.
 */
export function storageOf({ nvm, profiles }: Pick<Euicc, "nvm" | "profiles">, isdpAid: Uint8Array): ProfileStorage {
	const prefix = profilePrefix(isdpAid);
	return {
		get: (key) => nvm.get(prefix + key),
		put: (key, value) => {
			if (profiles.has(isdpAid)) nvm.put(prefix + key, value);
		},
	};
}
