import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

/** The second tier: what takes longer than the five minutes of `npm test`. */
export default mergeConfig(
	{ ...base, test: { ...base.test, include: [], exclude: [], reporters: [] } },
	defineConfig({
		test: {
			include: ["{shared,eim,ipa,sim}/src/**/*.long.test.ts", "test/**/*.long.test.ts"],
			exclude: ["**/node_modules/**", "**/dist/**"],
			testTimeout: 1_200_000,
			fileParallelism: false,
			reporters: ["default"],
		},
	}),
);
