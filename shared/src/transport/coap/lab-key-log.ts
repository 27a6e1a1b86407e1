import { appendFileSync, closeSync, constants, fchmodSync, fstatSync, openSync } from "node:fs";
import { ConfigError } from "../../runtime/errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import { fileTrouble } from "../../util/errors.ts";

/** LAB ONLY: takes a line of an NSS key log (SSLKEYLOGFILE), with which a capture of that session can be decrypted. */
export type LabKeyLog = (line: string) => void;

/** As in `coapEndSettings`. */
export interface LabKeyLogSettings {
	readonly "coap.labMode"?: string | undefined;
	readonly "coap.keyLog"?: string | undefined;
}

/**
 * What adds the keys of sessions to `coap.keyLog`, a file for its owner alone; undefined where none is configured.
 * @throws ConfigError CONFIG_VALUE_INVALID where lab mode is not stated, or the file cannot be used
 */
export function labKeyLogOf(settings: LabKeyLogSettings, log: Logger): LabKeyLog | undefined {
	const { "coap.keyLog": file, "coap.labMode": labMode } = settings;
	if (file === undefined) return undefined;
	if (labMode === undefined) {
		const message =
			"coap.keyLog: who has that file can decrypt all that devices and eIM say to each other; name the bench in coap.labMode if this is one, else leave coap.keyLog out";
		throw new ConfigError("CONFIG_VALUE_INVALID", message);
	}
	makePrivate(file);
	log.warn("LAB MODE: THE KEYS OF SESSIONS ARE WRITTEN TO A FILE, who has it can decrypt their traffic", {
		labMode,
		file,
	});
	return writerTo(file, log);
}

/** Nobody else may read what is written from now on, whoever made the file. */
function makePrivate(file: string): void {
	let descriptor: number | undefined;
	try {
		const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
		descriptor = openSync(file, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o600);
		if (!fstatSync(descriptor).isFile()) throw new Error("it is no file");
		fchmodSync(descriptor, 0o600);
	} catch (cause) {
		throw new ConfigError("CONFIG_VALUE_INVALID", `coap.keyLog ${file} cannot be used: ${fileTrouble(cause)}`, {
			cause,
		});
	} finally {
		if (descriptor !== undefined) closeSync(descriptor);
	}
}

function writerTo(file: string, log: Logger): LabKeyLog {
	let isFailing = false;
	return (line) => {
		try {
			appendFileSync(file, `${line.trimEnd()}\n`, { mode: 0o600 });
			isFailing = false;
		} catch (error) {
			// Sessions go on without: a handshake must not fail because a disk is full.
			if (!isFailing) log.error("the keys of sessions cannot be written down", { file, error });
			isFailing = true;
		}
	};
}
