-- Deletes the hashes of jobs that no list or set of their queue has: nobody would take them, and BullMQ does not add a
-- job whose hash exists.
--   KEYS[1]  the queue's key prefix
--   ARGV     ids of jobs that no list had a moment ago: now they can only be near an end of one
-- Returns the ids of the jobs deleted.

local prefix = KEYS[1]
local NEAR = 10000

local function is_listed(id)
    for _, name in ipairs({ "delayed", "prioritized", "completed", "failed", "waiting-children" }) do
        if redis.call("ZSCORE", prefix .. name, id) then
            return true
        end
    end
    for _, name in ipairs({ "wait", "paused", "active" }) do
        for _, from in ipairs({ 1, -1 }) do
            if redis.call("LPOS", prefix .. name, id, "RANK", from, "MAXLEN", NEAR) then
                return true
            end
        end
    end
    return false
end

local orphans = {}
for _, id in ipairs(ARGV) do
    local key = prefix .. id
    if redis.call("EXISTS", key) == 1 and redis.call("EXISTS", key .. ":lock") == 0 and not is_listed(id) then
        redis.call("DEL", key)
        orphans[#orphans + 1] = id
    end
end
return orphans
