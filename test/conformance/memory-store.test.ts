import { buildMemoryHouse } from "../_util/store-houses.ts";
import { describeStoreLaws } from "./store-laws.ts";

describeStoreLaws("memory", buildMemoryHouse);
