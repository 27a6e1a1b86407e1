/** `node dist/examples/build-profile.js DESCRIPTION.yaml PROFILE.der`: a profile package (UPP) from its description. */

import { readFileSync, writeFileSync } from "node:fs";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { subscriberOf } from "@iot-esim/shared/profile/subscriber";
import { EsimError, fileTrouble } from "@iot-esim/shared/util/errors";

const [description, target] = process.argv.slice(2);
if (description === undefined || target === undefined) {
	process.stderr.write("usage: node dist/examples/build-profile.js DESCRIPTION.yaml PROFILE.der\n");
	process.exitCode = 2;
} else {
	try {
		const upp = buildProfilePackage(readFileSync(description, "utf8"));
		writeFileSync(target, upp);
		const { iccid, imsi } = subscriberOf(parseProfilePackage(upp));
		process.stdout.write(`${JSON.stringify({ written: { iccid, imsi, file: target, octets: upp.length } })}\n`);
	} catch (error) {
		const { path: file } = error as NodeJS.ErrnoException;
		if (!(error instanceof EsimError) && file === undefined) throw error;
		const why = error instanceof EsimError ? `${error.message} (${error.code})` : `${file}: ${fileTrouble(error)}`;
		process.stderr.write(`build-profile: ${why}\n`);
		process.exitCode = 1;
	}
}
