/** Keeps file systems in the card's memory: one record for the tree, one for each file, one for PINs, one for keys. */

import { ProfileError } from "@iot-esim/shared/profile/errors";
import { type ProfilePackage, parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { simaFailure } from "@iot-esim/shared/profile/sima-response";
import { type RandomSource, systemRandom } from "@iot-esim/shared/runtime/random";
import type { Command } from "../apdu/command.ts";
import type { Answer } from "../apdu/status.ts";
import { decodeJson, encodeJson } from "../nvm/json.ts";
import type { ProfileFileSystems, ProfileFiles, ProfileStorage } from "../profile-files.ts";
import { CardSecurity, FileSession } from "./file-session.ts";
import type { CardFile, FileSystem, FileSystemChange } from "./file-system.ts";
import { installFileSystem } from "./install-file-system.ts";
import { DEFAULT_LIMITS, type InstallationLimits } from "./installation-limits.ts";

/** File systems for a card with these limits. */
export function profileFileSystems(
	limits: InstallationLimits = DEFAULT_LIMITS,
	random: RandomSource = systemRandom,
): ProfileFileSystems {
	return {
		install(unprotectedProfilePackage: Uint8Array, storage: ProfileStorage): Uint8Array | undefined {
			const profile = readPackage(unprotectedProfilePackage);
			if (profile instanceof Uint8Array) return profile;
			const outcome = installFileSystem(profile, limits);
			if ("failure" in outcome) return simaFailure(outcome.failure);
			saveFileSystem(outcome.fileSystem, storage);
			return undefined;
		},
		open: (storage: ProfileStorage) => openProfileFiles(storage, random),
	};
}

/** A package that cannot be read fails as a whole, without the number of an element. */
function readPackage(der: Uint8Array): ProfilePackage | Uint8Array {
	try {
		return parseProfilePackage(der);
	} catch (error) {
		if (error instanceof ProfileError) return simaFailure({ status: "invalid-request-format", message: error.message });
		throw error;
	}
}

/** PINs count as given until the files are opened anew, which a card does at every reset. */
function openProfileFiles(storage: ProfileStorage, random: RandomSource): ProfileFiles {
	const fs = loadFileSystem(storage);
	const security = new CardSecurity();
	return {
		openSession() {
			const session = new FileSession(fs, security, random);
			return {
				transmit(command: Command): Answer {
					const { data, sw, changes } = session.execute(command);
					for (const change of changes) saveChange(fs, change, storage);
					return { data, status: sw };
				},
			};
		},
	};
}

const CONTENTS = "contents/";

function saveFileSystem(fs: FileSystem, storage: ProfileStorage): void {
	for (const part of ["files", "security", "authentication"] as const) saveChange(fs, { part }, storage);
	for (const file of Object.keys(fs.contents)) saveChange(fs, { part: "contents", file: Number(file) }, storage);
}

/** Writes what one command changed. */
function saveChange(fs: FileSystem, change: FileSystemChange, storage: ProfileStorage): void {
	if (change.part === "contents") storage.put(CONTENTS + change.file, fs.contents[change.file] ?? new Uint8Array(0));
	else storage.put(change.part, encodeJson(fs[change.part]));
}

function loadFileSystem(storage: ProfileStorage): FileSystem {
	const part = <T>(key: string): T => {
		const octets = storage.get(key);
		if (!octets) throw new RangeError(`the memory of the profile has no record "${key}"`);
		return decodeJson<T>(octets);
	};
	const files = part<CardFile[]>("files");
	const contents: Record<number, Uint8Array> = {};
	for (const id of files.keys()) {
		const octets = storage.get(CONTENTS + id);
		if (octets) contents[id] = octets;
	}
	return { files, contents, security: part("security"), authentication: part("authentication") };
}
