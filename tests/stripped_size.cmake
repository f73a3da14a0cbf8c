# Fails when PROGRAM has LIMIT bytes or more once stripped.
execute_process(COMMAND ${STRIP} -o ${PROGRAM}.stripped ${PROGRAM} COMMAND_ERROR_IS_FATAL ANY)
file(SIZE ${PROGRAM}.stripped size)
message("${PROGRAM}: ${size} bytes stripped, limit ${LIMIT}")
if(NOT size LESS LIMIT)
  message(FATAL_ERROR "too large")
endif()
