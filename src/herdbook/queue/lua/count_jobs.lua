-- What a queue has.
--   KEYS[1]  the queue's key prefix
--   ARGV     BullMQ's states
-- Answers { how many jobs are in each state, 1 when the queue is paused,
--           { {id, timestamp}, ... } of the next job without a priority and the next with one }.
-- use: getCounts-1

local prefix = KEYS[1]
local following = {}

local function tell(id)
    -- Old clients keep a marker in the list, which is no job.
    if id and string.sub(id, 1, 2) ~= "0:" then
        following[#following + 1] = { id, redis.call("HGET", prefix .. id, "timestamp") }
    end
end

local counts = getCounts(KEYS, ARGV)
tell(redis.call("LINDEX", prefix .. "wait", -1))
tell(redis.call("ZRANGE", prefix .. "prioritized", 0, 0)[1])
return { counts, redis.call("HEXISTS", prefix .. "meta", "paused"), following }
