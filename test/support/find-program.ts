import { accessSync, constants } from "node:fs";
import path from "node:path";

/** Where a program is; undefined when it is not installed. Programs of the administrator are found too. */
export function findProgram(name: string): string | undefined {
	const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/sbin"];
	return folders
		.map((folder) => path.join(folder, name))
		.find((file) => {
			try {
				accessSync(file, constants.X_OK);
				return true;
			} catch {
				return false;
			}
		});
}
