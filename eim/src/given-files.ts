/** Files that settings name. */

import { readFileSync } from "node:fs";
import { certificatesOfFile, certificateToPem } from "@iot-esim/shared/pki/pem";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { EimError } from "./errors.ts";

/** @throws EimError EIM_FILE_UNREADABLE naming the setting, the file and the cause */
export function readGiven(setting: string, file: string): Uint8Array {
	return given(setting, file, (contents) => contents);
}

/**
 * The certificates of a file, as PEM.
 * @throws EimError EIM_FILE_UNREADABLE when it cannot be read or holds none
 */
export function givenCertificates(setting: string, file: string): readonly string[] {
	return given(setting, file, (contents) => certificatesOfFile(contents).map(certificateToPem));
}

function given<T>(setting: string, file: string, use: (contents: Uint8Array) => T): T {
	try {
		return use(readFileSync(file));
	} catch (cause) {
		throw new EimError("EIM_FILE_UNREADABLE", `${setting} ${file} cannot be read: ${fileTrouble(cause)}`, { cause });
	}
}
