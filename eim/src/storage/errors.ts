import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const storeErrors = defineErrors({
	STORE_FAILED: {
		meaning: "The database refused a statement or could not be written.",
		action: "Look at the cause: a full disk, a file without write permission, or a database of a newer version.",
		httpStatus: 503,
		retryable: true,
	},
	STORE_URL_INVALID: {
		meaning: "The address of the database cannot be understood.",
		action:
			"Write postgres://USER:PASSWORD@HOST:5432/DATABASE, with special characters of the password as %40 and the like; or leave it out to use the embedded database.",
	},
	STORE_IN_USE: {
		meaning: "Another eIM process works with the embedded database of this folder.",
		action: "Stop that process, give this one a dataFolder of its own, or use PostgreSQL to run several.",
	},
	STORE_CLOSED: {
		meaning: "The database has been closed because the program is stopping.",
		action: "Repeat the request against a running instance.",
		httpStatus: 503,
		retryable: true,
	},
	STORE_CONTENDED: {
		meaning: "Other requests for the same device kept overtaking this one.",
		action: "Repeat the request.",
		httpStatus: 503,
		retryable: true,
	},
	STORE_SCHEMA_NEWER: {
		meaning: "The database was written by a newer version of this program.",
		action: "Start that version again, or restore the backup from before the upgrade.",
		httpStatus: 503,
	},
	STORE_CURSOR_INVALID: {
		meaning: "The cursor of a list request is not one that a list has given out.",
		action: "Use `next` of the page before as it is, or leave the cursor out to begin from the start.",
		httpStatus: 400,
	},
	STORE_BACKUP_ELSEWHERE: {
		meaning: "This command copies the embedded database, but PostgreSQL is configured.",
		action: "Use pg_dump for the database, and copy the .pem files of dataFolder.",
	},
	STORE_BACKUP_FOLDER_USED: {
		meaning: "The folder for the backup is not empty.",
		action: "Name a new folder for each backup.",
	},
	STORE_QUEUE_FULL: {
		meaning: "The device has as many waiting operations as the eIM keeps for one device.",
		action: "Wait until the device has polled, or cancel operations that are still queued.",
		httpStatus: 409,
	},
});

/** The database could not do what it was asked. */
export class StoreError extends EsimError {
	declare readonly code: keyof typeof storeErrors;
}
