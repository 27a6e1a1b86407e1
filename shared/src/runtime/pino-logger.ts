import { type DestinationStream, pino } from "pino";
import { outputTo } from "./line-output.ts";
import { type LoggerFactory, type LogLevel, loggerTo } from "./logger.ts";

/** How a main program writes its log: JSON lines, one per entry. */
export interface PinoLoggerOptions {
	readonly level: LogLevel;
	/** Name of the program, in every line. */
	readonly program: string;
	/** Default is standard error, so that standard output stays free for what the program answers. */
	readonly destination?: DestinationStream;
}

/** The logger of a main program over pino. */
export function pinoLogger(options: PinoLoggerOptions): LoggerFactory {
	const destination = options.destination ?? outputTo(2);
	const target = pino(
		{
			level: options.level,
			base: { program: options.program },
			formatters: { level: (label) => ({ level: label }) },
			timestamp: pino.stdTimeFunctions.isoTime,
			messageKey: "phrase",
		},
		destination,
	);
	return loggerTo(
		({ level, component, phrase, facts }) => target[level]({ component, ...facts }, phrase),
		options.level,
	);
}
