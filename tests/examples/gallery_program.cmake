# gallery as its page names it: every plot is drawn, and the tables have the rows and options of the page that stands in the
# sources. Numbers are not compared: their last digit may be another with another compiler.
#   cmake -DPROGRAM=.../gallery -DPAGE=.../README.md -DFOLDER=... -P gallery_program.cmake
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
file(COPY ${PAGE} DESTINATION ${FOLDER})

# The page without its numbers.
function(words path result)
  file(READ ${path} text)
  string(REGEX REPLACE "-?[0-9]+(\\.[0-9]+)?(e[-+]?[0-9]+)?" "#" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

execute_process(COMMAND ${PROGRAM} ${FOLDER} RESULT_VARIABLE status ERROR_VARIABLE names)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "gallery returned ${status}:\n${names}")
endif()
string(REGEX MATCHALL "[a-z_]+" names "${names}")
list(LENGTH names count)
if(count LESS 20)
  message(FATAL_ERROR "gallery drew ${count} plots")
endif()
foreach(name IN LISTS names)
  file(READ ${FOLDER}/plots/${name}.svg plot)
  if(NOT plot MATCHES "<svg.*</svg>")
    message(FATAL_ERROR "plots/${name}.svg is no plot")
  endif()
endforeach()
words(${PAGE} expected)
words(${FOLDER}/README.md found)
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "the page that gallery writes is another one than ${PAGE}: ${FOLDER}/README.md")
endif()

# A page without its marks is named.
file(WRITE ${FOLDER}/README.md "nothing\n")
execute_process(COMMAND ${PROGRAM} ${FOLDER} RESULT_VARIABLE status ERROR_VARIABLE text)
if(NOT status EQUAL 1 OR NOT text MATCHES "must hold the lines <!-- gallery:mean -->")
  message(FATAL_ERROR "gallery returned ${status}, and said of a page without marks:\n${text}")
endif()
