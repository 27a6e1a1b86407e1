import { defineErrors, EsimError } from "@iot-esim/shared/util/errors";

export const journalErrors = defineErrors({
	JOURNAL_UNREADABLE: {
		meaning: "The journal file of the agent cannot be read or written.",
		action: "Check that state.folder exists, that the agent may write there and that the disk is not full.",
		httpStatus: 500,
	},
	JOURNAL_EVENT_MISPLACED: {
		meaning: "The agent wanted to note a step that cannot follow the step before it.",
		action: "This is a fault of the program: report it with the journal file.",
		httpStatus: 500,
	},
});

export class JournalError extends EsimError {
	constructor(code: keyof typeof journalErrors, message: string, options: { cause?: unknown } = {}) {
		super(code, message, options);
	}
}
